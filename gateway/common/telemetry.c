#include "gateway/common/telemetry.h"

#include <stdio.h>

static const char *bound_name(enum conn_bound bound)
{
    static const char *const names[] = {
        [CONN_BOUND_NOTHING] = NULL,    [CONN_BOUND_PATH] = "path",
        [CONN_BOUND_WINDOW] = "window", [CONN_BOUND_BUDGET] = "budget",
        [CONN_BOUND_READER] = "reader",
    };
    return names[bound];
}

void telemetry_conn(const struct conn *c, struct monitor_counters *out)
{
    struct conn_info now;
    conn_get_info(c, &now);
    const struct conn_stats *s = &now.stats;
    *out = (struct monitor_counters){
        .state = now.over                         ? MONITOR_STREAM_DRAINING
                 : now.ended_up || now.ended_down ? MONITOR_STREAM_HALF
                                                  : MONITOR_STREAM_OPEN,
        .up = s->up,
        .down = s->down,
        .frames_up = s->frames_up,
        .frames_down = s->frames_down,
        .answered = s->answered_ms != 0,
        .first_byte_ms = s->answered_ms != 0 ? s->answered_ms - s->started_ms : 0,
        .queued_up = now.held_up,
        .queued_down = now.held_down,
        .queue_limit = now.queue_limit,
        .pauses_up = s->paused_up.times,
        .pauses_down = s->paused_down.times,
        .paused_up_ms = s->paused_up.ms,
        .paused_down_ms = s->paused_down.ms,
        .window_up = now.window_up,
        .window_down = now.window_down,
        .bound_up = bound_name(now.bound_up),
        .bound_down = bound_name(now.bound_down),
        .resumed = s->resumed,
        .ended_up = now.ended_up,
        .ended_down = now.ended_down,
        .stream_id = conn_stream_id(c),
        .connection_id = conn_id(c),
    };
}

void telemetry_link(const struct link *l, const struct session *s, struct monitor_tunnel_state *out)
{
    static const enum monitor_link links[] = {
        [LINK_CONNECTING] = MONITOR_CONNECTING,
        [LINK_UP] = MONITOR_UP,
        [LINK_WAITING] = MONITOR_DOWN,
        [LINK_OVER] = MONITOR_OVER,
    };
    struct link_info now;
    link_get_info(l, &now);
    struct session_pressure p;
    session_pressure(s, &p);
    bool usable = now.phase != LINK_UP || session_open(s);
    *out = (struct monitor_tunnel_state){
        .link = usable ? links[now.phase] : MONITOR_CONNECTING,
        .since_ms = now.since_ms,
        .retry_ms = now.retry_ms,
        .round_trip_us = now.round_trip_us,
        .far_round_trip_us = session_round_trip_us(s),
        .far_end = session_peer(s)->subprotocol,
        .connections = now.connections,
        .expires_ms = now.expires_ms,
        .memory = {.held = p.held,
                   .kept = p.kept,
                   .limit = p.limit,
                   .full = p.times,
                   .dropped = p.dropped,
                   .is_short = p.now},
        .why = now.why,
        .text = now.text,
    };
    if (out->link != MONITOR_UP || !session_device_offline(s))
        return;
    out->link = MONITOR_NO_DEVICE;
    out->since_ms = session_peer(s)->since_ms;
    out->why = ERR_DEVICE_OFFLINE;
    out->text = err_text(ERR_DEVICE_OFFLINE);
}

char *telemetry_expiry(uint64_t left_ms, char *out, size_t size)
{
    unsigned long long minutes = (left_ms + 59999) / 60000;
    snprintf(out, size,
             "the tunnel expires in %llu min, and what is open in it ends then; both ends need the "
             "tokens of a new one",
             minutes);
    return out;
}
