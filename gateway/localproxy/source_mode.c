#include "gateway/localproxy/source_mode.h"

#include "core/base/log.h"
#include "gateway/source/inbound.h"
#include "gateway/source/mappings.h"
#include "gateway/source/tunnels.h"

#include <stdlib.h>
#include <string.h>

struct listen {
    const struct localproxy_config *config;
    struct tunnel_program *client;
    struct session *session;
    struct mappings *mappings;
    struct timer *retry; /* a port was busy: its last user may just be leaving */
    unsigned tries;
};

static enum err try_to_listen(struct listen *l, const char *const *ids, size_t n)
{
    enum err why = mappings_services(l->mappings, ids, n);
    if (why != ERR_ADDRESS_IN_USE || l->tries >= l->config->connect_retries)
        return why;
    l->tries++;
    timer_start(l->retry, l->config->connect_retry_ms);
    return ERR_OK;
}

static void on_retry(void *owner)
{
    struct listen *l = owner;
    const char *const *ids;
    size_t n = session_services(l->session, &ids);
    enum err why = session_open(l->session) ? try_to_listen(l, ids, n) : ERR_OK;
    if (why != ERR_OK)
        tunnel_program_end(l->client, why);
}

static enum err on_services(void *owner, const char *const *ids, size_t n)
{
    struct listen *l = owner;
    l->tries = 0;
    timer_stop(l->retry);
    if (l->config->services.n == 0 && n == 0)
        log_warning("The tunnel has no services and no port was given: say where to listen with "
                    "-s PORT");
    return try_to_listen(l, ids, n);
}

static enum err on_started(void *owner, struct tunnel_program *c, struct loop *loop,
                           struct session *session)
{
    struct listen *l = owner;
    l->client = c;
    l->session = session;
    l->retry = timer_new(loop, on_retry, l);
    l->mappings =
        mappings_new(loop, &(struct mappings_options){
                               .session = session,
                               .map = &l->config->services,
                               .bind = l->config->address,
                               .exact = true,
                               .tells = true,
                               .assign = l->config->from_files || l->config->services.n == 0,
                           });
    if (l->retry != NULL && l->mappings != NULL)
        return ERR_OK;
    log_fatal("Out of memory");
    return ERR_NO_MEMORY;
}

static void on_stopping(void *owner)
{
    struct listen *l = owner;
    mappings_free(l->mappings);
    timer_free(l->retry);
}

static const struct tunnel_program_events events = {
    .started = on_started,
    .services = on_services,
    .stopping = on_stopping,
};

enum err source_mode_run(const struct tunnel_program_options *client,
                         const struct localproxy_config *config)
{
    struct listen l = {.config = config};
    struct tunnel_program_options options = *client;
    options.role = SESSION_SOURCE;
    return tunnel_program_run(&options, &events, &l);
}
