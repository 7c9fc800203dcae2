/* tunnel-hub with a socket on which a test asks for bridges, as the REST interface does: its call
 * of bridge_desk_new comes here. One command a connection, one line each way; the socket's path is
 * in BRIDGE_HUB_SOCKET.
 *
 *   make DEVICE STREAM POLICY              -> PATH TOKEN-OF-SERVICE TOKEN-OF-DEVICE
 *   end ID                                 -> ok
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
    } commands[] = {{"make", 4, make}, {"end", 2, end}};
    char *word[WORDS], *save = NULL;
    size_t n = 0;
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
