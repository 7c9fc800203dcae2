/* tunnel-hub with a socket on which a test asks for bridges, as the REST interface does: its call
 * of bridge_desk_new comes here. One command a connection, one line each way; the socket's path is
 * in BRIDGE_HUB_SOCKET.
 *
 *   make DEVICE STREAM POLICY              -> PATH TOKEN-OF-SERVICE TOKEN-OF-DEVICE
 *   end ID                                 -> ok
 *   source DEVICE SERVICE POLICY TUNNEL TOKEN -> as make; "- -": the tunnel that there is
 *   has-source DEVICE SERVICE POLICY       -> yes, no
 *   destination DEVICE TUNNEL TOKEN POLICY -> ok
 *   wanted                                 -> none, or: DEVICE STREAM END CONNECTION WORKER
 *   answer DEVICE STREAM END CONNECTION WORKER -> as make
 *   refuse END CONNECTION WORKER           -> ok
 * An error is answered as "error TEXT". */
#include "gateway/hub/bridge_desk.h"
#include "gateway/hub/hub_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE 4096
#define WORDS 8

struct asker {
    uv_pipe_t pipe;
    char line[LINE_MAX_SIZE];
    size_t n;
};

static struct wanted {
    char text[600];
} queue[64];
static size_t n_wanted;
static struct bridge_desk *desk;
static uv_pipe_t *server;

struct bridge_desk *__real_bridge_desk_new(struct hub *hub);
struct bridge_desk *__wrap_bridge_desk_new(struct hub *hub);
void __real_bridge_desk_free(struct bridge_desk *d);
void __wrap_bridge_desk_free(struct bridge_desk *d);

static void on_asker_closed(uv_handle_t *h)
{
    free(h->data);
}

static void answer(struct asker *a, const char *text)
{
    char line[LINE_MAX_SIZE];
    int n = snprintf(line, sizeof line, "%s\n", text);
    uv_buf_t buf = uv_buf_init(line, (unsigned)n);
    uv_try_write((uv_stream_t *)&a->pipe, &buf, 1);
    uv_close((uv_handle_t *)&a->pipe, on_asker_closed);
}

static void answer_bridge(struct asker *a, enum err why, const struct bridge *b)
{
    char line[LINE_MAX_SIZE];
    if (b == NULL)
        snprintf(line, sizeof line, "error %s", err_text(why));
    else
        snprintf(line, sizeof line, "%s %s %s", b->path,
                 b->token[BRIDGE_SERVICE][0] != '\0' ? b->token[BRIDGE_SERVICE] : "-",
                 b->token[BRIDGE_DEVICE][0] != '\0' ? b->token[BRIDGE_DEVICE] : "-");
    answer(a, line);
}

static void make(struct asker *a, char *word[WORDS])
{
    enum err why;
    const struct bridge_spec spec = {.device = word[1], .stream = word[2], .policy = word[3]};
    const struct bridge *b = bridge_desk_make(desk, &spec, &why);
    answer_bridge(a, why, b);
}

static void on_source(void *ctx, enum err why, struct bridge *b)
{
    answer_bridge(ctx, why, b);
}

static const char *given(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : word;
}

static void source(struct asker *a, char *word[WORDS])
{
    const struct inner_source s = {.device = word[1],
                                   .service = word[2],
                                   .policy = word[3],
                                   .tunnel = given(word[4]),
                                   .token = given(word[5])};
    bridge_desk_source(desk, &s, on_source, a);
}

static void has_source(struct asker *a, char *word[WORDS])
{
    const struct inner_source s = {.device = word[1], .service = word[2], .policy = word[3]};
    answer(a, bridge_desk_has_source(desk, &s) ? "yes" : "no");
}

static void on_destination(void *ctx, enum err why)
{
    char line[200];
    snprintf(line, sizeof line, "error %s", err_text(why));
    answer(ctx, why == ERR_OK ? "ok" : line);
}

static void destination(struct asker *a, char *word[WORDS])
{
    const struct inner_destination q = {
        .device = word[1], .tunnel = word[2], .token = word[3], .policy = word[4]};
    bridge_desk_destination(desk, &q, on_destination, a);
}

static void on_wanted(void *owner, const struct bridge_spec *spec)
{
    (void)owner;
    if (n_wanted == sizeof queue / sizeof *queue)
        abort();
    snprintf(queue[n_wanted++].text, sizeof queue->text, "%s %s %llu %llu %zu", spec->device,
             spec->stream, (unsigned long long)spec->inner.end,
             (unsigned long long)spec->inner.connection, spec->inner.worker);
}

static void wanted(struct asker *a, char *word[WORDS])
{
    (void)word;
    struct wanted first = queue[0];
    if (n_wanted == 0) {
        answer(a, "none");
        return;
    }
    memmove(queue, queue + 1, --n_wanted * sizeof *queue);
    answer(a, first.text);
}

static struct bridge_inner inner_of(char **word)
{
    return (struct bridge_inner){.end = strtoull(word[0], NULL, 10),
                                 .connection = strtoull(word[1], NULL, 10),
                                 .worker = strtoull(word[2], NULL, 10),
                                 .side = BRIDGE_SERVICE};
}

static void answer_wanted(struct asker *a, char *word[WORDS])
{
    enum err why;
    const struct bridge_spec spec = {
        .device = word[1], .stream = word[2], .policy = "p", .inner = inner_of(word + 3)};
    const struct bridge *b = bridge_desk_make(desk, &spec, &why);
    answer_bridge(a, why, b);
}

static void refuse(struct asker *a, char *word[WORDS])
{
    const struct bridge_inner inner = inner_of(word + 1);
    bridge_desk_refuse(desk, &inner, ERR_DEVICE_REJECTED);
    answer(a, "ok");
}

static bool has_id(void *ctx, const struct bridge *b)
{
    return strstr(b->path, ctx) != NULL;
}

static void end(struct asker *a, char *word[WORDS])
{
    bridges_end_if(bridge_desk_bridges(desk), has_id, word[1], BRIDGE_WITHDRAWN, NULL);
    answer(a, "ok");
}

static void obey(struct asker *a)
{
    static const struct {
        const char *name;
        size_t words;
        void (*run)(struct asker *a, char *word[WORDS]);
    } commands[] = {{"make", 4, make},
                    {"end", 2, end},
                    {"source", 6, source},
                    {"has-source", 4, has_source},
                    {"destination", 5, destination},
                    {"wanted", 1, wanted},
                    {"answer", 6, answer_wanted},
                    {"refuse", 4, refuse}};
    char *word[WORDS], *save = NULL;
    size_t n = 0;
    bridge_desk_on_wanted(desk, on_wanted, NULL); /* in the place of the hub's own */
    for (char *w = strtok_r(a->line, " \n", &save); w != NULL && n < WORDS;
         w = strtok_r(NULL, " \n", &save))
        word[n++] = w;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (n >= commands[i].words && strcmp(word[0], commands[i].name) == 0) {
            commands[i].run(a, word);
            return;
        }
    answer(a, "error no such command");
}

static void give_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct asker *a = h->data;
    (void)suggested;
    *buf = uv_buf_init(a->line + a->n, (unsigned)(sizeof a->line - 1 - a->n));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct asker *a = s->data;
    (void)buf;
    if (n < 0) {
        uv_close((uv_handle_t *)s, on_asker_closed);
        return;
    }
    a->n += (size_t)n;
    a->line[a->n] = '\0';
    if (strchr(a->line, '\n') == NULL)
        return;
    uv_read_stop(s);
    obey(a);
}

static void on_asker(uv_stream_t *s, int status)
{
    struct asker *a = calloc(1, sizeof *a);
    if (status != 0 || a == NULL)
        abort();
    uv_pipe_init(s->loop, &a->pipe, 0);
    a->pipe.data = a;
    uv_accept(s, (uv_stream_t *)&a->pipe);
    uv_read_start((uv_stream_t *)&a->pipe, give_room, on_read);
}

struct bridge_desk *__wrap_bridge_desk_new(struct hub *hub)
{
    const char *path = getenv("BRIDGE_HUB_SOCKET");
    desk = __real_bridge_desk_new(hub);
    server = calloc(1, sizeof *server);
    if (path == NULL || desk == NULL || server == NULL)
        abort();
    uv_pipe_init(loop_uv(hub->o.loop), server, 0);
    server->data = server;
    if (uv_pipe_bind(server, path) != 0 || uv_listen((uv_stream_t *)server, 16, on_asker) != 0)
        abort();
    return desk;
}

void __wrap_bridge_desk_free(struct bridge_desk *d)
{
    uv_close((uv_handle_t *)server, on_asker_closed);
    __real_bridge_desk_free(d);
}
