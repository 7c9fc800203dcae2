#include "gateway/ctl/ctl.h"

#include "core/base/buf.h"
#include "core/config/services.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_BYTES 32
#define ID_BYTES 8
#define LIFETIME_MAX 5256000 /* minutes: ten years */

static const struct option table[] = {
    {"name", 0, "NAME", NULL, NULL, NULL, "What people call it, such as the device's name.", 0},
    {"services", 0, "ID[,ID...]", NULL, NULL, NULL,
     "The services that can be reached through it, such as HTTP1,SSH1.", 0},
    {"lifetime", 0, "MINUTES", NULL, NULL, "720", "How long it lasts; 0: until it is closed.", 0},
    {"source-token-file", 0, "FILE", NULL, NULL, NULL,
     "Write the source's access token there (mode 0600) and do not print it.", 0},
    {"destination-token-file", 0, "FILE", NULL, NULL, NULL, "The same for the destination's.", 0},
    {"endpoint", 0, "HOST:PORT", NULL, NULL, "localhost:8443",
     "How clients reach the hub; only for the commands that are printed.", 0},
};
static const struct option_group own = OPTION_GROUP("New tunnel", table);

static const struct program program = {
    .name = "tunnelctl new",
    .summary = "Makes a tunnel: adds it to the hub's list and prints its two access tokens, which "
               "are stored nowhere else.",
    .usage = "  tunnelctl new --tunnels FILE [--name NAME] [--services ID,ID...]\n",
};

struct fresh {
    struct tunnel_record record;
    char token[SIDE_COUNT][BASE64_SIZE(TOKEN_BYTES)];
};

static const char *const token_file_options[SIDE_COUNT] = {"source-token-file",
                                                           "destination-token-file"};

/* ---- making it ---- */

static enum err read_services(struct options *o, struct tunnel_record *r)
{
    struct span rest = span_of(options_get(o, "services"));
    r->services = calloc(TUNNEL_SERVICES_MAX, sizeof *r->services);
    if (r->services == NULL)
        return options_fail(o, "%s", err_text(ERR_NO_MEMORY));
    for (bool more = rest.n > 0; more;) {
        if (r->n_services == TUNNEL_SERVICES_MAX)
            return options_reject(o, "services", "has more than %d services", TUNNEL_SERVICES_MAX);
        size_t before = rest.n;
        struct span item = span_cut(&rest, ',');
        more = item.n < before; /* also for an empty id behind the last comma */
        char *id = span_dup(span_trim(item));
        if (id == NULL)
            return options_fail(o, "%s", err_text(ERR_NO_MEMORY));
        r->services[r->n_services++] = id;
        if (!service_id_valid(id))
            return options_reject(o, "services",
                                  "has an id that is not 1 to %d letters, digits, "
                                  "hyphens, underscores and colons",
                                  SERVICE_ID_MAX);
        for (size_t i = 0; i + 1 < r->n_services; i++)
            if (strcmp(r->services[i], id) == 0)
                return options_reject(o, "services", "names %s twice", id);
    }
    return ERR_OK;
}

static enum err read_name(struct options *o, struct tunnel_record *r)
{
    struct span name = span_of(options_get(o, "name"));
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 32)
            return options_reject(o, "name", "has a control character");
    if (name.n > TUNNEL_TEXT_MAX)
        return options_reject(o, "name", "has more than %d characters", TUNNEL_TEXT_MAX);
    r->name = span_dup(name);
    return r->name != NULL ? ERR_OK : options_fail(o, "%s", err_text(ERR_NO_MEMORY));
}

static enum err make_secrets(struct options *o, struct fresh *f)
{
    uint8_t bytes[TOKEN_BYTES];
    for (size_t side = 0; side < SIDE_COUNT; side++) {
        random_bytes(bytes, sizeof bytes);
        base64_encode(bytes, sizeof bytes, f->token[side], true);
        token_hash(span_of(f->token[side]), f->record.hash[side]);
    }
    explicit_bzero(bytes, sizeof bytes);
    random_bytes(bytes, ID_BYTES);
    f->record.id = malloc(2 * ID_BYTES + 1);
    if (f->record.id == NULL)
        return options_fail(o, "%s", err_text(ERR_NO_MEMORY));
    hex_encode(bytes, ID_BYTES, f->record.id);
    return ERR_OK;
}

static enum err make(struct options *o, struct fresh *f)
{
    uint64_t minutes = 0;
    enum err why = options_number(o, "lifetime", 0, LIFETIME_MAX, &minutes);
    if (why == ERR_OK)
        why = read_services(o, &f->record);
    if (why == ERR_OK)
        why = read_name(o, &f->record);
    if (why == ERR_OK)
        why = make_secrets(o, f);
    f->record.created = (int64_t)time(NULL);
    if (minutes > 0)
        f->record.expires = f->record.created + (int64_t)minutes * 60;
    return why;
}

/* ---- keeping it ---- */

/* Adds it, and drops what has expired: the hub does not need that any more. */
static enum err add(void *ctx, struct tunnel_file *file, char *text, size_t size)
{
    struct fresh *f = ctx;
    for (size_t i = file->n; i-- > 0;)
        if (file->records[i].expires != 0 && file->records[i].expires <= f->record.created)
            tunnel_file_remove(file, i);
    struct tunnel_record copy = f->record;
    f->record = (struct tunnel_record){0};
    if (tunnel_file_add(file, &copy))
        return ERR_OK;
    snprintf(text, size, "%s", err_text(ERR_NO_MEMORY));
    return ERR_NO_MEMORY;
}

/* Before the tunnel is listed: a tunnel whose tokens are lost is of no use. */
static enum err write_tokens(struct options *o, struct fresh *f, char *text, size_t size)
{
    for (size_t side = 0; side < SIDE_COUNT; side++) {
        const char *path = options_get(o, token_file_options[side]);
        char line[sizeof f->token[side] + 1];
        if (path == NULL)
            continue;
        snprintf(line, sizeof line, "%s\n", f->token[side]);
        enum err why = private_file_replace(path, line, text, size);
        explicit_bzero(line, sizeof line);
        if (why != ERR_OK)
            return why;
    }
    return ERR_OK;
}

/* ---- telling ---- */

static bool put_command(struct buf *out, struct options *o, const struct fresh *f, enum side side,
                        const char *command)
{
    const char *path = options_get(o, token_file_options[side]);
    const char *endpoint = options_get(o, "endpoint");
    if (path != NULL)
        return buf_printf(out, "  %s -e %s --token-file %s\n", command, endpoint, path);
    return buf_printf(out, "  AWSIOT_TUNNEL_ACCESS_TOKEN=%s \\\n  %s -e %s\n", f->token[side],
                      command, endpoint);
}

/* "tunnel-agent -d SSH1=PORT,HTTP1=PORT" */
static bool put_agent(struct buf *out, const struct tunnel_record *r)
{
    bool ok = buf_printf(out, "tunnel-agent -d %s", r->n_services == 0 ? "PORT" : "");
    for (size_t i = 0; ok && i < r->n_services; i++)
        ok = buf_printf(out, "%s%s=PORT", i > 0 ? "," : "", r->services[i]);
    return ok && buf_append(out, "", 1);
}

static bool put_text(struct buf *out, struct options *o, const struct fresh *f)
{
    const struct tunnel_record *r = &f->record;
    struct buf agent = {.limit = out->limit};
    char services[1024], until[32];
    ctl_services(r, services, sizeof services);
    ctl_time(r->expires, until);
    bool ok = buf_printf(out, "Tunnel %s%s%s\n  services  %s\n  until     %s\n\n", r->id,
                         r->name[0] != '\0' ? " " : "", r->name, services,
                         r->expires != 0 ? until : "it is closed") &&
              put_agent(&agent, r) && buf_printf(out, "On the device:\n") &&
              put_command(out, o, f, SIDE_DESTINATION, (const char *)agent.data) &&
              buf_printf(out, "\nHere:\n") && put_command(out, o, f, SIDE_SOURCE, "tunnel-gateway");
    buf_free(&agent);
    return ok;
}

static bool put_json(struct buf *out, struct options *o, const struct fresh *f)
{
    static const char *const keys[SIDE_COUNT] = {"sourceAccessToken", "destinationAccessToken"};
    cJSON *j = ctl_json(&f->record);
    bool ok = j != NULL;
    for (size_t side = 0; ok && side < SIDE_COUNT; side++)
        if (options_get(o, token_file_options[side]) == NULL)
            ok = cJSON_AddStringToObject(j, keys[side], f->token[side]) != NULL;
    char *text = ok ? cJSON_Print(j) : NULL;
    cJSON_Delete(j);
    ok = text != NULL && buf_printf(out, "%s\n", text);
    free(text);
    return ok;
}

/* What there is to tell is put together first: then nothing can fail once the tunnel is there. */
static int make_and_tell(struct options *o, struct fresh *f, struct buf *out)
{
    char text[512] = "";
    if (make(o, f) != ERR_OK)
        return program_fail(&program, o);
    if (!(options_flag(o, "json") ? put_json(out, o, f) : put_text(out, o, f)))
        return ctl_fail(err_text(ERR_NO_MEMORY));
    if (write_tokens(o, f, text, sizeof text) != ERR_OK ||
        tunnel_file_update(options_get(o, "tunnels"), add, f, text, sizeof text) != ERR_OK)
        return ctl_fail(text);
    if (fwrite(out->data, 1, out->size, stdout) != out->size || fflush(stdout) != 0)
        return ctl_fail("the tunnel was made, but its tokens could not be printed");
    return 0;
}

int command_new(int argc, char **argv)
{
    struct fresh f = {0};
    struct buf out = {.limit = 65536};
    struct options *o;
    enum program_next next = ctl_read(&program, &own, &o, argc, argv);
    int status = next == PROGRAM_GO ? make_and_tell(o, &f, &out) : next == PROGRAM_DONE ? 0 : 1;
    tunnel_record_free(&f.record);
    explicit_bzero(&f, sizeof f);
    buf_wipe(&out);
    options_free(o);
    return status;
}
