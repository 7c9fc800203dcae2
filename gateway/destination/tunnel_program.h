/* A client of the hub at work: one session, its link, and the signals that end it. What the session
 * is for, its role knows: destination (agent.h), or a source with listening ports (localproxy). */
#ifndef GATEWAY_DESTINATION_TUNNEL_PROGRAM_H
#define GATEWAY_DESTINATION_TUNNEL_PROGRAM_H

#include "core/config/hub_config.h"
#include "core/control/monitor.h"
#include "core/net/loop.h"
#include "core/tls/tls.h"
#include "core/tunnel/session.h"

#define TUNNEL_PROGRAM_MEMORY 67108864

struct tunnel_program_options {
    const struct hub_config *hub;
    const char *web_proxy;     /* URL, or NULL for none: hub->web_proxy is not looked at */
    struct identity *identity; /* for a hub that asks who we are, or NULL */
    enum session_role role;
    int version;            /* as in struct session_options */
    bool native;            /* native sessions are offered to the hub */
    size_t max_connections; /* at once in one service; 0: the session's own */
    uint64_t linger_ms;     /* 0: the session's own */
    uint64_t stall_ms;      /* 0: the session's own */
    uint64_t resume_ms;     /* 0: the session's own */
    size_t memory;          /* bytes for all that waits in queues; 0: TUNNEL_PROGRAM_MEMORY */
    const char *user_agent;
    bool give_up; /* after `tries` failed ones in a row (else never) */
    unsigned tries;
    bool once; /* do not reconnect after a connection that had been made was lost */
    struct tunnel_program_control {
        const char *program, *path; /* as in struct control_setup; program NULL: no endpoint */
        bool readonly;
        const struct options *ops;
    } control;
};

struct tunnel_program;

struct tunnel_program_events {
    /* The session is there; before its link starts. An error ends tunnel_program_run with it. */
    enum err (*started)(void *owner, struct tunnel_program *c, struct loop *loop,
                        struct session *session);
    /* As in struct session_events; an error, which it has logged itself, ends tunnel_program_run
     * with it. incoming is NULL at a source. */
    enum err (*services)(void *owner, const char *const *ids, size_t n);
    void (*incoming)(void *owner, struct conn *c);
    /* The session is about to be freed; always comes when `started` was called. */
    void (*stopping)(void *owner);
    /* SIGHUP: read the configuration again, and tunnel_program_change. NULL: SIGHUP ends the
     * program. */
    void (*reload)(void *owner);
    /* Besides the link: NULL, or a sentence why it is not ready. NULL: it always is. */
    const char *(*unready)(void *owner);
};

/* Goes on by another hub configuration, which must outlive it, web proxy, identity, and the
 * session's limits and times; other fields are not looked at. What did not change is not cut
 * (link_change). An error has been logged, and nothing is changed. */
enum err tunnel_program_change(struct tunnel_program *c,
                               const struct tunnel_program_options *fresh);

/* Runs until SIGTERM or SIGINT (ERR_SHUTDOWN; a Close is sent), the hub's Close (ERR_TUNNEL_CLOSED,
 * or ERR_TOKEN_REPLACED when the tunnel goes on without us) or something that no retry can mend:
 * ERR_REJECTED (token), ERR_LINK_LOST (give_up, once), what `started` or `services` returned,
 * ERR_USAGE (the proxy's URL), a control endpoint that cannot be opened, certificates that cannot
 * be read. What happened is in the log, in the words of the reference program where scripts look
 * for them. End main with loop_exit. */
enum err tunnel_program_run(const struct tunnel_program_options *options,
                            const struct tunnel_program_events *events, void *owner);

/* What the client's connections are to be told to; NULL: nobody watches. In its events. */
struct monitor *tunnel_program_monitor(const struct tunnel_program *c);
struct monitor_tunnel *tunnel_program_watched(const struct tunnel_program *c);

/* Ends tunnel_program_run with `why` soon; from inside its events and whatever else runs on its
 * loop. */
void tunnel_program_end(struct tunnel_program *c, enum err why);

#endif
