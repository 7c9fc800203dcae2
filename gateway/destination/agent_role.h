/* The two things that an agent can be: the end of one tunnel, by its access token, or a device that
 * stands by. */
#ifndef GATEWAY_DESTINATION_AGENT_ROLE_H
#define GATEWAY_DESTINATION_AGENT_ROLE_H

#include "core/base/budget.h"
#include "gateway/common/program_run.h"
#include "gateway/destination/agent_config.h"

/* What a role works with; outlives it. */
struct agent {
    struct program_run *run;
    struct budget *memory;
    const struct agent_config *config; /* the one in use */
};

struct agent_role {
    void *(*start)(const struct agent *a);    /* NULL: the reason is in the log */
    void (*stop)(void *role);                 /* NULL is fine */
    const char *(*unready)(const void *role); /* as in struct program_run_events */
    /* Goes on by a fresh configuration, which replaces agent->config and outlives the role or the
     * next one. False: nothing is changed, and the reason is in the log. */
    bool (*apply)(void *role, const struct agent_config *fresh);
    void (*applied)(void *role);            /* agent->config is the fresh one now; may be NULL */
    void (*accept)(void *role, bool never); /* lets in who wants something, or nobody; NULL: nobody
                                               asks here */
};
extern const struct agent_role agent_tunnel, agent_device;

#endif
