/* Private to the API's parts: one call on its way from the request to the answer.
 *
 * api_handle makes a call, and answer_ok or answer_fault frees it; every path must end in one of
 * these, once. Functions that return false have answered already. */
#ifndef GATEWAY_HUB_API_API_INTERNAL_H
#define GATEWAY_HUB_API_API_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/json_write.h"
#include "core/base/map.h"
#include "gateway/hub/api/api.h"

struct cJSON;

/* X(name, exception, HTTP status) */
#define FAULT_TABLE(X)                                                                             \
    X(ACCESS_DENIED, "AccessDeniedException", 403)                                                 \
    X(ALREADY_EXISTS, "ResourceAlreadyExistsException", 400)                                       \
    X(CALLER_LEFT, "CallerLeftException", 400) /* for the audit log: nobody is there to see it */  \
    X(DEVICE_AWAY, "DeviceAwayException", 400)                                                     \
    X(DEVICE_NOT_ENABLED, "DeviceNotEnabledException", 400)                                        \
    X(DEVICE_REJECTED, "DeviceRejectedException", 400)                                             \
    X(DEVICE_SILENT, "DeviceSilentException", 400)                                                 \
    X(INCOMPLETE_SIGNATURE, "IncompleteSignatureException", 400)                                   \
    X(INTERNAL, "InternalServerException", 500)                                                    \
    X(INVALID_SIGNATURE, "InvalidSignatureException", 403)                                         \
    X(LIMIT_EXCEEDED, "LimitExceededException", 400)                                               \
    X(MISSING_TOKEN, "MissingAuthenticationTokenException", 403)                                   \
    X(NOT_FOUND, "ResourceNotFoundException", 400)                                                 \
    X(SERIALIZATION, "SerializationException", 400)                                                \
    X(SERVICE_NOT_SERVED, "ServiceNotServedException", 400)                                        \
    X(UNKNOWN_OPERATION, "UnknownOperationException", 400)                                         \
    X(UNRECOGNIZED_CLIENT, "UnrecognizedClientException", 403)                                     \
    X(VALIDATION, "ValidationException", 400)
enum fault {
#define X(name, text, status) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_COUNT
};

#define NOTES_MAX 4

struct api {
    struct registry *registry;
    struct device_registry *devices;
    struct notices *notices;
    struct map waiting; /* struct call by `caller`: calls that may wait for a device */
    struct audit *audit;
    char *region, *account;
    bool allow_unsigned_loopback;
    const uint8_t *secrets_key; /* or NULL */
    int64_t (*clock)(void);
    struct keys *keys; /* NULL when there are no access keys */
    const struct limit_book *limits;
    struct api_counts counts;
    struct {
        bool running, due; /* `due`: somebody has asked again, or it has failed */
        bool complained;   /* of a failure, which is tried again */
        size_t closed;     /* tunnels, since it was asked for */
    } revocation;
};

struct call {
    struct api *api;
    void (*done)(void *ctx, const struct api_answer *answer);
    void *ctx;
    char request_id[UUID_SIZE];
    struct json_writer out; /* the answer's body; wiped */

    const struct http_head *head;
    struct span body;
    struct api_caller_id caller;  /* key in api.waiting, if it has a number */
    bool left;                    /* the caller waits no more */
    struct keys *keys;            /* a reference; holds `key` */
    const struct access_key *key; /* NULL: an accepted unsigned call */
    bool known;          /* the caller is authorized, so the audit log gets a line in any case */
    struct cJSON *input; /* until drop_input */

    enum operation operation; /* OPERATION_COUNT: unknown */
    char key_id[129];         /* "" for unsigned calls */
    const char *denied;       /* why the tag change was refused; static storage */
    char client[80];
    bool fronted;

    /* A new token for each side that is `fresh`; wiped. */
    bool fresh[SIDE_COUNT];
    char token[SIDE_COUNT][ACCESS_TOKEN_SIZE];

    /* CutKey: the key, and the tunnels that were closed. */
    char cut_key[129];
    size_t cut;

    const char *node;  /* answer_elsewhere's */
    int64_t last_seen; /* lastSeenAt of DeviceAwayException, ms; 0: never */

    /* Fields for the audit log. */
    char target[129]; /* the operation as it was named */
    char tunnel[129]; /* or "" */
    char thing[129];
    struct {
        const char *name;
        char *text;
    } notes[NOTES_MAX];
};

/* ---- answers.c ---- */

/* Frees the input before the call waits for the store, because a parsed request of 64 KiB may take
 * 1 MiB. */
void drop_input(struct call *c);
/* Answers 200 with what was written to c->out. */
void answer_ok(struct call *c);
void answer_fault(struct call *c, enum fault f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* answer_fault for use in a `return`; its value is false. */
#define REFUSE(c, f, ...) (answer_fault((c), (f), __VA_ARGS__), false)
/* Another node has to be asked, which has the link of c->thing. node is a view. */
void answer_elsewhere(struct call *c, const char *node);
/* Answer the errors of registry_done: of changes, and of look-ups. */
void answer_error(struct call *c, enum err why);
void answer_unseen(struct call *c, enum err why);
/* An answer that is a page of a list: begins the list of that name in c->out, and ends it when all
 * that fits was written; next: the next page's token, NULL after the last one. */
#define PAGE 100 /* default and maximum of maxResults */
#define PAGE_BYTES ((size_t)512 * 1024)
#define PAGE_LOOKS 20000 /* takes some milliseconds, in which the main thread does nothing else */
void answer_page(struct call *c, const char *list);
void answer_page_end(struct call *c, enum err why, const char *next);
/* A registry_done whose answer is {}. */
void answer_empty(void *ctx, enum err why, const struct tunnel_record *t);

/* ---- authorize.c ---- */

/* Finds out who calls, and sets key and key_id. False: answered. */
bool authorize(struct call *c);

/* ---- open.c, operations.c, listing.c, tagging.c, cut.c ---- */

/* t: a view of the tunnel that the input names, which is gone afterwards; NULL when it names none.
 */
typedef void operation_run(struct call *c, const struct tunnel_record *t);
extern operation_run open_tunnel, close_tunnel, describe_tunnel, list_tunnels, rotate_token,
    tag_resource, untag_resource, list_tags, cut_key;

/* Answers the errors of registry_open. */
void answer_open_error(struct call *c, enum err why);

/* ---- connect.c, devices.c, device_keys.c, device_list.c, invitations.c ---- */

/* d: a view of the device that the input names, which the caller may know of. */
typedef void device_run(struct call *c, const struct device_record *d);
extern device_run connect_device, describe_device, update_device, reset_device, delete_device,
    rotate_device_keys;
extern operation_run create_device, list_devices, create_invitation, list_invitations,
    delete_invitation;

/* ConnectDevice (connect_services.c): appends the services for the tunnel to `out`, as the device
 * tells them, whatever their spelling was, with the wanted one, if the input names one, in front;
 * *wanted is a copy of it, or "". False: answered. */
bool choose_services(struct call *c, const struct device_record *d, struct texts *out,
                     char **wanted);

/* Looks up the device that the input names. A caller that may not call the operation at all does
 * not learn whether there is such a device, nor one whose key is for others. */
void about_device(struct call *c, device_run *run);
/* Whether the caller may do w to the device. Name and labels are taken from d. */
bool permitted_device(struct call *c, struct access_request *w, const struct device_record *d);
/* Answers the errors of device_done. */
void answer_device_error(struct call *c, enum err why);
/* Whether the caller's key is for such a device. */
bool may_know(const struct call *c, const struct device_record *d);
/* What is known of its presence; NULL: nothing, or this hub gives no notices. */
const struct device_presence *presence_of(const struct call *c, const char *device);
/* The members of DeviceSummary. */
void write_device(struct call *c, const struct device_record *d);
void write_texts(struct call *c, const char *name, const struct texts *texts);

/* ---- resources.c: what calls are about ---- */

/* The id of the tunnel that the input names by "tunnelId" or "resourceArn", a view into it; noted
 * for the audit log. False: answered. A caller that may not call the operation at all does not
 * learn whether the tunnel exists. */
bool named_tunnel(struct call *c, struct span *id);
/* Whether the caller may do w to t (NULL: to what w describes). Thing, services and tags are taken
 * from t. */
bool permitted(struct call *c, struct access_request *w, const struct tunnel_record *t);
/* The same by the keys at the time of the call: NULL if it is allowed, else the sentence. */
const char *denial(const struct call *c, const struct access_request *w);
void note_tunnel(struct call *c, const struct tunnel_record *t);
/* Adds a field to the audit line: items (strings, or tags as key=value) with commas between them.
 */
bool note_items(struct call *c, const char *name, const struct cJSON *items);
bool note_text(struct call *c, const char *name, const char *text);
/* Whether the caller may call the operation at all. False: answered. */
bool may_operate(struct call *c);
const struct limits *limits_of_call(const struct call *c);

/* "arn:aws:iot:region:account:tunnel/id" */
void write_arn(struct call *c, const char *name, const char *tunnel_id);
void write_tags(struct call *c, const char *name, const struct tags *tags);
void write_summary(struct call *c,
                   const struct tunnel_record *r); /* the members of TunnelSummary */

/* The text of a member of the input, or NULL. */
const char *input_text(const struct cJSON *object, const char *name);
/* Appends copies. False: answered; there is no memory. */
bool take_texts(struct call *c, const struct cJSON *list, struct texts *out);
/* Adds or replaces. False: answered; a key that is there twice is refused. */
bool take_tags(struct call *c, const struct cJSON *list, struct tags *out);

/* ---- tokens.c ---- */

/* Makes a new token for each side that is `fresh`. token gets views of them, and NULL for the other
 * sides. */
/* A new join token, of JOIN_TOKEN_SIZE bytes. */
void join_token_new(char out[ACCESS_TOKEN_SIZE]);
void tokens_new(struct call *c, const char *token[SIDE_COUNT]);
void write_tokens(struct call *c);

#endif
