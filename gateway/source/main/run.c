/* The gateway at work: endpoint, tunnels, and the signals that end it. */
#include "core/base/log.h"
#include "core/control/control.h"
#include "core/tunnel/link.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/config.h"
#include "gateway/source/pages.h"
#include "gateway/source/source.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CODE_TOKEN_REPLACED 3 /* "tunnelctl open --run-source" must tell it from the others */

static const int signals[] = {SIGTERM, SIGINT};
#define SIGNALS (sizeof signals / sizeof *signals)

struct run {
    struct loop *loop;
    const struct config *config;
    struct control *control;
    struct passages *passages;
    struct tunnels *tunnels;
    struct ingress *ingress;
    char instance[LINK_INSTANCE_SIZE];
    uv_signal_t signals[SIGNALS];
    bool stopped;
    int code;
};

static void stop(struct run *r, int code)
{
    if (r->stopped)
        return;
    r->stopped = true;
    r->code = code;
    loop_stop(r->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    log_info("%s: shutting down", number == SIGTERM ? "SIGTERM" : "SIGINT");
    stop(handle->data, 0);
}

/* The last tunnel is over. With several, that one of them was closed in good order is no success.
 */
static void on_finished(void *owner, enum err why)
{
    struct run *r = owner;
    if (why == ERR_TOKEN_REPLACED)
        stop(r, CODE_TOKEN_REPLACED);
    else
        stop(r, why == ERR_TUNNEL_CLOSED && r->config->n_tunnels == 1 ? 0 : 1);
}

static bool on_page(void *owner, const struct ingress_page *page, struct buf *out)
{
    struct run *r = owner;
    struct pages_view view = {.names = r->config->names};
    view.n_tunnels = tunnels_list(r->tunnels, &view.tunnels);
    struct pages_tunnel states[CONFIG_TUNNELS_MAX];
    for (size_t i = 0; i < view.n_tunnels; i++)
        states[i] = (struct pages_tunnel){.up = tunnels_is_up(r->tunnels, i),
                                          .connections = tunnels_connections(r->tunnels, i)};
    view.states = states;
    const struct pages_question q = {.head = page->head,
                                     .path = page->request->path,
                                     .listener = page->listener,
                                     .trusted = page->trusted};
    return pages_answer(&view, &q, out);
}

static enum err resolve(void *owner, const struct passage_question *q, struct passage_target *out,
                        char text[PASSAGE_TEXT])
{
    return tunnels_resolve(((struct run *)owner)->tunnels, q, out, text);
}

static bool goes_direct(void *owner, const struct passage_question *q)
{
    return names_is_foreign(((struct run *)owner)->config->names, q->host, q->literal);
}

static const char *unready(void *owner)
{
    const struct run *r = owner;
    for (size_t i = 0; i < r->config->n_tunnels; i++)
        if (tunnels_is_up(r->tunnels, i))
            return NULL;
    return r->config->n_tunnels == 1 ? "The tunnel is not connected to its hub."
                                     : "No tunnel is connected to its hub.";
}

/* ---- setting up ---- */

static bool watch_signals(struct run *r)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (uv_signal_init(loop_uv(r->loop), &r->signals[i]) != 0)
            return false;
        r->signals[i].data = r;
        if (uv_signal_start(&r->signals[i], on_signal, signals[i]) != 0)
            return false;
    }
    return true;
}

static bool listen_all(struct run *r)
{
    const char *where;
    for (size_t i = 0; (where = config_listen(r->config, i)) != NULL; i++) {
        enum err why = ERR_OK;
        const struct listener *l = ingress_listen(r->ingress, where, &why);
        if (l == NULL) {
            log_error("Cannot listen on %s: %s", where, listener_problem(where, why));
            return false;
        }
        const char *name = listener_name(l);
        log_info("Listening on %s (SOCKS5, SOCKS4a, HTTP)", name);
        monitor_listening(control_monitor(r->control), name);
        if (listener_is_local(l) || r->config->user != NULL)
            continue;
        if (r->config->direct) {
            log_error("%s can be reached from other machines: with --direct that needs --user and "
                      "--password-file, or it would be an open proxy",
                      name);
            return false;
        }
        log_warning("%s can be reached from other machines and asks for no password: give --user "
                    "and --password-file",
                    name);
    }
    return true;
}

static bool make_control(struct run *r)
{
    const struct control_setup setup = {.loop = r->loop,
                                        .program = "tunnel-gateway",
                                        .role = "source",
                                        .path = r->config->control,
                                        .readonly = r->config->control_readonly,
                                        .ops = r->config->options,
                                        .unready = unready,
                                        .owner = r};
    char text[400];
    enum err why;
    r->control = control_new(&setup, &why, text, sizeof text);
    if (r->control == NULL)
        log_error("%s", text);
    return r->control != NULL;
}

static bool make_parts(struct run *r)
{
    const struct config *c = r->config;
    struct monitor *monitor = control_monitor(r->control);
    link_instance(r->instance);
    r->passages = passages_new(r->loop, monitor);
    if (r->passages == NULL)
        return false;
    const struct tunnels_options tunnels = {.monitor = monitor,
                                            .passages = r->passages,
                                            .names = c->names,
                                            .grace_ms = c->grace_ms,
                                            .traits = &c->traits,
                                            .memory = (size_t)c->memory,
                                            .instance = r->instance,
                                            .finished = on_finished,
                                            .owner = r};
    r->tunnels = tunnels_new(r->loop, &tunnels);
    const struct ingress_options ingress = {.passages = r->passages,
                                            .resolve = resolve,
                                            .direct = c->direct ? goes_direct : NULL,
                                            .page = on_page,
                                            .owner = r,
                                            .names = c->names,
                                            .origins = &c->origins,
                                            .ask_user = c->ask_user,
                                            .user = c->user,
                                            .password = c->password,
                                            .max_clients = (size_t)c->max_clients};
    r->ingress = ingress_new(r->loop, &ingress);
    return r->tunnels != NULL && r->ingress != NULL;
}

static bool start_tunnels(struct run *r)
{
    for (size_t i = 0; i < r->config->n_tunnels; i++) {
        const struct config_tunnel *t = &r->config->tunnels[i];
        char text[400] = "";
        const struct tunnel_options o = {.name = t->name,
                                         .hub = &t->hub,
                                         .version = t->version,
                                         .native = t->native,
                                         .linger_ms = t->linger_ms,
                                         .stall_ms = t->stall_ms,
                                         .resume_ms = t->resume_ms,
                                         .max_connections = t->max_connections,
                                         .map = t->map.n > 0 ? &t->map : NULL,
                                         .assign = t->assign};
        if (tunnels_add(r->tunnels, &o, text, sizeof text) != ERR_OK) {
            log_error("tunnel%s%s: %s", t->name[0] != '\0' ? " " : "", t->name, text);
            return false;
        }
    }
    return true;
}

static void tear_down(struct run *r)
{
    ingress_free(r->ingress);
    passages_free(r->passages);
    tunnels_free(r->tunnels);
    control_free(r->control); /* what the others told it is told by now */
    loop_block_signals();
    for (size_t i = 0; i < SIGNALS; i++)
        if (r->signals[i].data != NULL)
            uv_close((uv_handle_t *)&r->signals[i], NULL);
    loop_leave(r->loop);
}

/* Memory, and descriptors. */
static bool had(bool enough)
{
    if (!enough)
        log_error("%s", err_text(ERR_NO_MEMORY));
    return enough;
}

static int run(const struct config *c)
{
    struct run r = {.config = c, .loop = loop_new(), .code = 1};
    if (r.loop == NULL)
        return 1;
    log_limit(1000, 600); /* a line for each request of a page, on a machine that has room */
    if (had(watch_signals(&r)) && make_control(&r) && had(make_parts(&r)) && listen_all(&r) &&
        start_tunnels(&r))
        loop_run(r.loop);
    tear_down(&r);
    return r.code;
}

int command_run(int argc, char **argv)
{
    struct config *c = calloc(1, sizeof *c);
    int code = 1;
    if (c == NULL)
        return 1;
    switch (config_read(c, argc, argv)) {
    case PROGRAM_GO:
        code = run(c);
        break;
    case PROGRAM_DONE:
        code = 0;
        break;
    case PROGRAM_FAILED:
        break;
    }
    config_free(c);
    free(c);
    return code;
}
