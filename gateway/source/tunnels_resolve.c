/* Where a client's host name leads, and why it leads nowhere at the moment. */
#include "core/base/text.h"
#include "gateway/source/device_status.h"
#include "gateway/source/tunnels_internal.h"

#include <stdio.h>
#include <string.h>

#define GRACE_FLOOR_MS 150
#define GRACE_CAP_MS 1000

static uint64_t grace(const struct tunnels *set, uint64_t round_trip_us, const char *service)
{
    if (service_traits_has(set->traits, service, TRAIT_CLIENT_FIRST))
        return 0;
    if (set->grace_ms != TUNNELS_GRACE_AUTO)
        return set->grace_ms;
    uint64_t ms = round_trip_us / 500 + GRACE_FLOOR_MS;
    return ms < GRACE_CAP_MS ? ms : GRACE_CAP_MS;
}

/* Any web page can make a browser send lines to a host of its choice, and a service of another
 * protocol would take them for its own. */
static enum err refuse_http(const char *service, char text[FORWARD_TEXT])
{
    char safe[60];
    text_copy(span_of(service[0] != '\0' ? service : SERVICE_TRAITS_NAMELESS), TEXT_ASCII, safe,
              sizeof safe);
    snprintf(text, FORWARD_TEXT,
             "%s is not known to be HTTP; take SOCKS or CONNECT (curl -p), or name it in the "
             "gateway's --http-services",
             safe);
    return ERR_NOT_HTTP;
}

/* asked: the port that the client asked for, which counts when the name has none. */
static void set_target(struct forward_target *out, const struct names_target *named, int asked)
{
    memcpy(out->host, named->host, sizeof out->host);
    out->port = named->port != 0 ? named->port : (uint32_t)asked;
}

/* The name leads to t, or (ERR_NO_SERVICE, …) to nothing in it. */
static enum err look_at(const struct tunnels *set, const struct tunnel *t, enum err why,
                        const struct forward_question *q, const char *service,
                        struct forward_target *out, char text[FORWARD_TEXT])
{
    const struct link_info now = tunnel_end_info(t->end);
    if (now.phase == LINK_OVER) {
        snprintf(text, FORWARD_TEXT, "%s", q->quiet ? err_text(ERR_TUNNEL_CLOSED) : now.text);
        return err_http(now.why) == 503 ? now.why : ERR_TUNNEL_CLOSED;
    }
    if (session_device_offline(t->session) && why == ERR_OK) {
        device_status_text(t->session, set->loop, q->quiet, text);
        out->awaited = device_status_is_awaited(t->session, set->loop);
        return ERR_DEVICE_OFFLINE;
    }
    if (!session_reachable(t->session) && (why == ERR_OK || why == ERR_HUB_DOWN)) {
        out->awaited = true;
        if (session_open(t->session)) {
            snprintf(text, FORWARD_TEXT, "the device is only just connected");
            return ERR_HUB_DOWN;
        }
        snprintf(text, FORWARD_TEXT, "not connected to the hub%s%.120s",
                 now.text[0] != '\0' && !q->quiet ? ": " : "", q->quiet ? "" : now.text);
        return ERR_HUB_DOWN;
    }
    if (why == ERR_OK)
        *out = (struct forward_target){.session = t->session,
                                       .service = service,
                                       .named = true,
                                       .grace_ms = grace(set, now.round_trip_us, service),
                                       .watched = t->watched};
    return why;
}

enum err tunnels_look(struct tunnels *set, const struct forward_question *q, bool devices,
                      struct forward_target *out, struct names_answer *answer,
                      char text[FORWARD_TEXT])
{
    struct names_question question = {.host = q->host,
                                      .literal = q->literal,
                                      .hint = q->hint,
                                      .devices = devices,
                                      .quiet = q->quiet};
    question.n_tunnels = tunnels_list(set, &question.tunnels);
    enum err why = names_resolve(set->names, &question, answer);
    snprintf(text, FORWARD_TEXT, "%s", answer->text);
    if (!answer->tunnel_found)
        return why;
    if (why == ERR_OK && q->http && !service_traits_has(set->traits, answer->service, TRAIT_HTTP))
        return refuse_http(answer->service, text);
    why = look_at(set, set->all[answer->tunnel], why, q, answer->service, out, text);
    if (why == ERR_OK)
        set_target(out, &answer->target, q->port);
    return why;
}

enum err tunnels_resolve(void *tunnels, const struct forward_question *q,
                         struct forward_target *out, char text[FORWARD_TEXT])
{
    struct names_answer answer;
    return tunnels_look(tunnels, q, false, out, &answer, text);
}
