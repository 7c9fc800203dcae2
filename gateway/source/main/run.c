/* The gateway at work: endpoint and tunnels. */
#include "core/base/log.h"
#include "core/control/page/live_page.h"
#include "gateway/common/program_run.h"
#include "gateway/source/inbound.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/config.h"
#include "gateway/source/main/device_page.h"
#include "gateway/source/main/on_demand.h"
#include "gateway/source/mappings.h"
#include "gateway/source/pages.h"
#include "gateway/source/tunnels.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CODE_TOKEN_REPLACED 3 /* "tunnelctl open --run-source" must tell it from the others */

struct run {
    struct program_run *program;
    bool far; /* an address that is listened on can be reached from other machines */
    struct config *config;
    struct forwards *forwards;
    struct tunnels *tunnels;
    struct on_demand *on_demand; /* NULL: there are only the configured tunnels */
    struct device_page device_page;
    struct inbound *inbound;
};

/* The last tunnel is over. With several, that one of them was closed in good order is no success.
 */
static void on_finished(void *owner, enum err why)
{
    struct run *r = owner;
    if (r->on_demand != NULL) /* devices can still be reached */
        return;
    if (why == ERR_TOKEN_REPLACED)
        program_run_end(r->program, CODE_TOKEN_REPLACED);
    else
        program_run_end(r->program, why == ERR_TUNNEL_CLOSED && r->config->tunnels.n == 1 ? 0 : 1);
}

/* What a browser on this machine sees of what goes on here. */
static bool write_live_page(struct monitor *m, const struct inbound_page *page, struct buf *out)
{
    struct buf memory = {.limit = LIVE_PAGE_MAX};
    struct span path = page->request->path, query = page->head->target;
    struct http_response response;
    span_cut(&query, '?');
    live_page_answer(m, page->head, path, query, &memory, &response);
    response.close = true;
    response.to_head = span_is(page->head->method, "HEAD");
    bool good = http_response_write(&response, out);
    buf_free(&memory);
    return good;
}

static bool on_page(void *owner, const struct inbound_page *page, struct buf *out)
{
    struct run *r = owner;
    struct monitor *watched = program_run_monitor(r->program);
    struct pages_view view = {.names = r->config->names};
    if (r->on_demand != NULL)
        view.devices = on_demand_problem(r->on_demand)[0] == '\0' ? PAGES_DEVICES_READY
                                                                  : PAGES_DEVICES_UNREACHED;
    view.n_tunnels = tunnels_list(r->tunnels, &view.tunnels);
    struct pages_tunnel states[TUNNELS_MAX];
    for (size_t i = 0; i < view.n_tunnels; i++)
        states[i] = (struct pages_tunnel){.up = tunnels_is_up(r->tunnels, i),
                                          .no_device = tunnels_has_no_device(r->tunnels, i),
                                          .connections = tunnels_connections(r->tunnels, i)};
    view.states = states;
    const struct pages_question q = {.head = page->head,
                                     .path = page->request->path,
                                     .listener = page->listener,
                                     .trusted = page->trusted};
    const struct live_page_client who = {
        .local = page->local, .ours = page->ours, .known = page->known};
    if (watched != NULL && live_page_has(q.path) && pages_grants(&q) &&
        live_page_shows(r->config->options, &who))
        return write_live_page(watched, page, out);
    return pages_answer(&view, &q, out);
}

static bool on_later(void *owner, const struct inbound_page *page, struct inbound_wait *w)
{
    struct run *r = owner;
    return r->on_demand != NULL && device_page_later(&r->device_page, on_demand_api(r->on_demand),
                                                     r->config->names, page, w);
}

static enum err resolve(void *owner, const struct forward_question *q, struct forward_target *out,
                        char text[FORWARD_TEXT])
{
    struct run *r = owner;
    return r->on_demand != NULL ? devices_resolve(on_demand_devices(r->on_demand), q, out, text)
                                : tunnels_resolve(r->tunnels, q, out, text);
}

static bool goes_direct(void *owner, const struct forward_question *q)
{
    const struct config *c = ((struct run *)owner)->config;
    return c->endpoint.direct && names_is_foreign(c->names, q->host, q->literal);
}

static const char *unready(void *owner)
{
    const struct run *r = owner;
    const struct names_tunnel *list;
    size_t n = tunnels_list(r->tunnels, &list), without = 0;
    for (size_t i = 0; i < n; i++) {
        bool no_device = tunnels_has_no_device(r->tunnels, i);
        if (tunnels_is_up(r->tunnels, i) && !no_device)
            return NULL;
        without += no_device;
    }
    if (r->on_demand != NULL)
        return on_demand_problem(r->on_demand)[0] == '\0'
                   ? NULL
                   : "The hub, which is asked for tunnels to devices, is not reached.";
    if (without > 0)
        return n == 1 ? "The device is not connected." : "No device is connected.";
    return n == 1 ? "The tunnel is not connected to its hub."
                  : "No tunnel is connected to its hub.";
}

/* ---- setting up ---- */

/* Memory, and descriptors. */
static bool had(bool enough)
{
    if (!enough)
        log_error("%s", err_text(ERR_NO_MEMORY));
    return enough;
}

static bool listen_all(struct run *r)
{
    const char *where;
    for (size_t i = 0; (where = config_listen(r->config, i)) != NULL; i++) {
        enum err why = ERR_OK;
        const struct listener *l = inbound_listen(r->inbound, where, &why);
        if (l == NULL) {
            log_error("Cannot listen on %s: %s", where, listener_problem(where, why));
            return false;
        }
        const char *name = listener_name(l);
        log_info("Listening on %s (SOCKS5, SOCKS4a, HTTP)", name);
        monitor_listening(program_run_monitor(r->program), name);
        r->far = r->far || !listener_is_local(l);
        if (listener_is_local(l) || r->config->endpoint.user != NULL)
            continue;
        if (r->config->endpoint.direct) {
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

static struct tunnels_options tunnels_options(struct run *r, const struct config *c)
{
    return (struct tunnels_options){.monitor = program_run_monitor(r->program),
                                    .forwards = r->forwards,
                                    .names = c->names,
                                    .grace_ms = c->endpoint.grace_ms,
                                    .traits = &c->traits,
                                    .memory = c->endpoint.memory,
                                    .finished = on_finished,
                                    .owner = r};
}

static struct inbound_options inbound_options(struct run *r, const struct config *c)
{
    return (struct inbound_options){.forwards = r->forwards,
                                    .resolve = resolve,
                                    .direct = goes_direct,
                                    .page = on_page,
                                    .later = on_later,
                                    .owner = r,
                                    .names = c->names,
                                    .origins = &c->endpoint.origins,
                                    .ask_user = c->endpoint.ask_user,
                                    .user = c->endpoint.user,
                                    .password = c->endpoint.password,
                                    .max_clients = (size_t)c->endpoint.max_clients};
}

static bool make_parts(struct run *r)
{
    struct loop *loop = program_run_loop(r->program);
    r->forwards = forwards_new(loop, program_run_monitor(r->program));
    if (r->forwards == NULL)
        return false;
    forwards_hide_clients(r->forwards, r->config->endpoint.hide_clients);
    const struct tunnels_options tunnels = tunnels_options(r, r->config);
    const struct inbound_options inbound = inbound_options(r, r->config);
    r->tunnels = tunnels_new(loop, &tunnels);
    r->inbound = inbound_new(loop, &inbound);
    return r->tunnels != NULL && r->inbound != NULL;
}

static bool tell_problem(const struct config_tunnel *t, enum err why, const char *text)
{
    if (why != ERR_OK)
        log_error("tunnel%s%s: %s", t->name[0] != '\0' ? " " : "", t->name, text);
    return why == ERR_OK;
}

static bool start_tunnel(struct run *r, const struct config_tunnel *t)
{
    char text[400] = "";
    return tell_problem(t, tunnels_add(r->tunnels, &t->tunnel, text, sizeof text), text);
}

static bool start_tunnels(struct run *r)
{
    for (size_t i = 0; i < r->config->tunnels.n; i++)
        if (!start_tunnel(r, &r->config->tunnels.all[i]))
            return false;
    return true;
}

static bool start_devices(struct run *r)
{
    const struct config_devices *c = &r->config->devices;
    char text[600] = "";
    forwards_limit_patient(r->forwards, (size_t)(r->config->endpoint.max_clients + 1) / 2);
    if (!c->on)
        return true;
    r->on_demand =
        on_demand_new(program_run_loop(r->program), c, r->tunnels, r->forwards, text, sizeof text);
    if (r->on_demand == NULL) {
        log_error("devices: %s", text);
        return false;
    }
    log_info("Devices are reached as SERVICE.DEVICE.%s; %s:%d is asked for their tunnels",
             names_suffix(r->config->names), c->hub.host, c->hub.port);
    return true;
}

/* ---- SIGHUP ---- */

static void change_devices(struct run *r)
{
    const struct config_devices *c = &r->config->devices;
    char text[600] = "";
    device_page_end(&r->device_page); /* its names go with the configuration before */
    if (r->on_demand == NULL || !c->on) {
        struct on_demand *before = r->on_demand;
        r->on_demand = NULL; /* clients who wait are told what the others are */
        on_demand_leave(before);
        on_demand_free(before);
        start_devices(r);
    } else if (on_demand_change(r->on_demand, c, text, sizeof text) != ERR_OK) {
        log_error("devices: %s", text);
    }
}

static const struct config_tunnel *tunnel_of(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->tunnels.n; i++)
        if (strcasecmp(c->tunnels.all[i].name, name) == 0)
            return &c->tunnels.all[i];
    return NULL;
}

/* The session and its ports can stay; only the way to the hub, limits and times may be others. */
static bool same_session(const struct config_tunnel *a, const struct config_tunnel *b)
{
    return a->tunnel.end.version == b->tunnel.end.version &&
           a->tunnel.end.native == b->tunnel.end.native && a->tunnel.assign == b->tunnel.assign &&
           services_same(&a->map, &b->map) && strcmp(a->name, b->name) == 0 &&
           str_same(a->hub.bind, b->hub.bind);
}

static void change_tunnel(struct run *r, const struct config_tunnel *t)
{
    char text[400] = "";
    enum err why = tunnels_change(r->tunnels, &t->tunnel, text, sizeof text);
    if (why == ERR_NOT_FOUND)
        start_tunnel(r, t); /* it could not be started before */
    else
        tell_problem(t, why, text);
}

static void remove_tunnels(struct run *r, const struct config *fresh)
{
    for (size_t i = 0; i < r->config->tunnels.n; i++) {
        const struct config_tunnel *was = &r->config->tunnels.all[i];
        const struct config_tunnel *is = tunnel_of(fresh, was->name);
        if (is == NULL || !same_session(was, is))
            tunnels_remove(r->tunnels, was->name);
    }
}

/* False: no memory, and nothing is changed. */
static bool apply(struct run *r, struct config *fresh)
{
    const struct tunnels_options tunnels = tunnels_options(r, fresh);
    const struct inbound_options inbound = inbound_options(r, fresh);
    if (!had(inbound_change(r->inbound, &inbound)))
        return false;
    remove_tunnels(r, fresh);
    tunnels_rules(r->tunnels, &tunnels);
    forwards_hide_clients(r->forwards, fresh->endpoint.hide_clients);
    struct config *before = config_replace(r->config, fresh);
    r->config = fresh;
    for (size_t i = 0; i < fresh->tunnels.n; i++)
        change_tunnel(r, &fresh->tunnels.all[i]);
    change_devices(r);
    config_free(before);
    free(before);
    return true;
}

/* NULL, or what is wrong with it. */
static const char *read_again(struct run *r, struct config *fresh)
{
    if (config_read_again(r->config, fresh) != ERR_OK)
        return options_problem(r->config->options);
    if (r->far && fresh->endpoint.direct && fresh->endpoint.user == NULL)
        return "--direct needs --user and --password-file where other machines can reach the "
               "gateway, or it would be an open proxy";
    return NULL;
}

static void reload(void *owner)
{
    struct run *r = owner;
    struct config *fresh = calloc(1, sizeof *fresh);
    if (!had(fresh != NULL))
        return;
    const char *wrong = read_again(r, fresh);
    if (wrong != NULL)
        log_error("SIGHUP: %s; going on with the configuration in use", wrong);
    if (wrong == NULL && apply(r, fresh)) {
        log_info("SIGHUP: tunnels, names, services, passwords and certificates were read again");
        return;
    }
    config_free(fresh);
    free(fresh);
}

/* ---- life ---- */

static bool start(void *owner, struct program_run *program)
{
    struct run *r = owner;
    r->program = program;
    device_page_init(&r->device_page);
    log_limit(1000, 600); /* a line for each request of a page, on a machine that has room */
    return program_run_open_control(program, "tunnel-gateway", "source", r->config->options) &&
           had(make_parts(r)) && listen_all(r) && start_devices(r) && start_tunnels(r);
}

static void stop(void *owner)
{
    struct run *r = owner;
    inbound_free(r->inbound);
    forwards_free(r->forwards);
    tunnels_free(r->tunnels);
    on_demand_free(r->on_demand);
}

static const struct program_run_events events = {
    .start = start,
    .stop = stop,
    .reload = reload,
    .ending = "shutting down",
    .unready = unready,
    .search = peer_search_start,
    .ops_pages = live_pages,
    .n_ops_pages = LIVE_PAGES,
};

int command_run(int argc, char **argv)
{
    struct run r = {.config = calloc(1, sizeof *r.config)};
    int code = 1;
    if (r.config == NULL)
        return 1;
    switch (config_read(r.config, argc, argv)) {
    case PROGRAM_GO:
        code = program_run(&events, &r);
        break;
    case PROGRAM_DONE:
        code = 0;
        break;
    case PROGRAM_FAILED:
        break;
    }
    config_free(r.config);
    free(r.config);
    return code;
}
