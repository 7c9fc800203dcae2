/* Private to the API's parts: one call on its way from the request to the answer.
 *
 * A call is made by api_handle and gone after answer_ok or answer_fault, which every way must end
 * in, once. Functions that return false have answered already. */
#ifndef GATEWAY_HUB_API_API_INTERNAL_H
#define GATEWAY_HUB_API_API_INTERNAL_H

#include "core/base/buf.h"
#include "core/base/json_write.h"
#include "gateway/hub/api/api.h"

struct cJSON;

/* X(name, exception, HTTP status) */
#define FAULT_TABLE(X)                                                                             \
    X(ACCESS_DENIED, "AccessDeniedException", 403)                                                 \
    X(INCOMPLETE_SIGNATURE, "IncompleteSignatureException", 400)                                   \
    X(INTERNAL, "InternalServerException", 500)                                                    \
    X(INVALID_SIGNATURE, "InvalidSignatureException", 403)                                         \
    X(LIMIT_EXCEEDED, "LimitExceededException", 400)                                               \
    X(MISSING_TOKEN, "MissingAuthenticationTokenException", 403)                                   \
    X(NOT_FOUND, "ResourceNotFoundException", 400)                                                 \
    X(SERIALIZATION, "SerializationException", 400)                                                \
    X(UNKNOWN_OPERATION, "UnknownOperationException", 400)                                         \
    X(UNRECOGNIZED_CLIENT, "UnrecognizedClientException", 403)                                     \
    X(VALIDATION, "ValidationException", 400)
enum fault {
#define X(name, text, status) FAULT_##name,
    FAULT_TABLE(X)
#undef X
        FAULT_COUNT
};

#define ACCESS_TOKEN_SIZE 64 /* 47 characters and NUL */
#define NOTES_MAX 2

struct api {
    struct registry *registry;
    struct audit *audit;
    char *region, *account;
    bool allow_unsigned_loopback;
    int64_t (*clock)(void);
    struct keys *keys; /* NULL: nobody has one */
    const struct limit_book *limits;
    struct api_counts counts;
};

struct call {
    struct api *api;
    void (*done)(void *ctx, const struct api_answer *answer);
    void *ctx;
    char request_id[UUID_SIZE];
    struct json_writer out; /* the answer's body; wiped */

    const struct http_head *head;
    struct span body;
    struct keys *keys;            /* a reference: those that `key` is of */
    const struct access_key *key; /* NULL: an unsigned call that is fine */
    bool known;                   /* whoever calls may: a line of the audit log is due */
    struct cJSON *input;          /* until drop_input */

    enum operation operation; /* OPERATION_COUNT: unknown */
    char key_id[129];         /* "": unsigned */
    const char *denied;       /* why registry_tag got a no; static storage */
    char client[80];

    /* a new token for each side that is `fresh`; wiped */
    bool fresh[SIDE_COUNT];
    char token[SIDE_COUNT][ACCESS_TOKEN_SIZE];

    /* for the audit log */
    char target[129]; /* the operation as it was named */
    char tunnel[129]; /* "": none */
    char thing[129];
    struct {
        const char *name;
        char *text;
    } notes[NOTES_MAX];
};

/* ---- answers.c ---- */

/* Before the call waits for the store: what was read from a request of 64 KiB may take 1 MiB. */
void drop_input(struct call *c);
/* 200 with what was written to c->out. */
void answer_ok(struct call *c);
void answer_fault(struct call *c, enum fault f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* answer_fault for use in a `return`: false. */
#define REFUSE(c, f, ...) (answer_fault((c), (f), __VA_ARGS__), false)
/* For registry_done's errors, of changes and of look-ups. */
void answer_error(struct call *c, enum err why);
void answer_unseen(struct call *c, enum err why);
/* A registry_done whose answer is {}. */
void answer_empty(void *ctx, enum err why, const struct tunnel_record *t);

/* ---- authorize.c ---- */

/* Who calls? Sets key and key_id. */
bool authorize(struct call *c);

/* ---- open.c, operations.c, listing.c, tagging.c ---- */

/* t: the tunnel that the input names, a view that is gone afterwards; NULL: it names none. */
typedef void operation_run(struct call *c, const struct tunnel_record *t);
extern operation_run open_tunnel, close_tunnel, describe_tunnel, list_tunnels, rotate_token,
    tag_resource, untag_resource, list_tags;

/* ---- resources.c: what calls are about ---- */

/* The id of the tunnel that the input names by "tunnelId" or "resourceArn", a view into it; noted
 * for the audit log. False: answered, and whoever may not call this operation at all does not learn
 * whether there is one. */
bool named_tunnel(struct call *c, struct span *id);
/* Whether the caller may do that to t (NULL: to what w describes); thing, services and tags are
 * taken from t. */
bool permitted(struct call *c, struct access_request *w, const struct tunnel_record *t);
/* The same at any time, by the keys of that time: NULL or the sentence. */
const char *denial(const struct call *c, const struct access_request *w);
void note_tunnel(struct call *c, const struct tunnel_record *t);
/* One more field of the audit line: items (strings, or tags as key=value) with commas between
 * them. */
bool note_items(struct call *c, const char *name, const struct cJSON *items);
bool note_text(struct call *c, const char *name, const char *text);
const struct limits *limits_of_call(const struct call *c);

/* "arn:aws:iot:region:account:tunnel/id" */
void write_arn(struct call *c, const char *name, const char *tunnel_id);
void write_tags(struct call *c, const struct tags *tags);
void write_summary(struct call *c,
                   const struct tunnel_record *r); /* the members of TunnelSummary */

/* The text of a member of the input, or NULL. */
const char *input_text(const struct cJSON *object, const char *name);
/* Appends copies. False: answered, no memory. */
bool take_texts(struct call *c, const struct cJSON *list, struct texts *out);
/* Adds or replaces. False: answered; a key that is there twice is refused. */
bool take_tags(struct call *c, const struct cJSON *list, struct tags *out);

/* ---- tokens.c ---- */

/* A new token for each side that is `fresh`; token: views of them, NULL for the others. */
void tokens_new(struct call *c, const char *token[SIDE_COUNT]);
void write_tokens(struct call *c);

#endif
