#include "tui/state/row_filter.h"

#include <math.h>
#include <string.h>

static struct filter_facts stream_facts(const struct snapshot_stream *s)
{
    return (struct filter_facts){.id = s->id,
                                 .texts = {[FILTER_CLIENT] = s->client,
                                           [FILTER_PROCESS] = s->process,
                                           [FILTER_USER] = s->user,
                                           [FILTER_SERVICE] = s->service,
                                           [FILTER_TUNNEL] = s->tunnel,
                                           [FILTER_TARGET] = s->target,
                                           [FILTER_ASKED] = s->asked,
                                           [FILTER_STATE] = snapshot_state_name(s->state),
                                           [FILTER_VIA] = s->via,
                                           [FILTER_REASON] = s->reason},
                                 .numbers = {[FILTER_AGE] = s->age,
                                             [FILTER_IDLE] = s->idle,
                                             [FILTER_DOWN] = (double)s->bytes_down,
                                             [FILTER_UP] = (double)s->bytes_up,
                                             [FILTER_RATE_DOWN] = s->rate_down,
                                             [FILTER_RATE_UP] = s->rate_up}};
}

/* Only the end of a stream has numbers. */
static struct filter_facts event_facts(const struct snapshot_event *e)
{
    bool over = strcmp(e->event, "close") == 0;
    return (struct filter_facts){.id = e->stream,
                                 .texts = {[FILTER_CLIENT] = e->client,
                                           [FILTER_SERVICE] = e->service,
                                           [FILTER_TUNNEL] = e->tunnel,
                                           [FILTER_ASKED] = e->asked,
                                           [FILTER_VIA] = e->via,
                                           [FILTER_REASON] = e->reason,
                                           [FILTER_TEXT] = e->text,
                                           [FILTER_EVENT] = e->event},
                                 .numbers = {[FILTER_AGE] = over ? e->age : NAN,
                                             [FILTER_IDLE] = NAN,
                                             [FILTER_DOWN] = over ? (double)e->bytes_down : NAN,
                                             [FILTER_UP] = over ? (double)e->bytes_up : NAN,
                                             [FILTER_RATE_DOWN] = NAN,
                                             [FILTER_RATE_UP] = NAN}};
}

bool row_filter_stream(const struct filter *f, const struct snapshot_stream *s)
{
    const struct filter_facts facts = stream_facts(s);
    return filter_matches(f, &facts);
}

bool row_filter_contains(const struct snapshot_stream *s, const char *text)
{
    const struct filter_facts facts = stream_facts(s);
    return filter_contains(&facts, text);
}

bool row_filter_event(const struct filter *f, const struct snapshot_event *e)
{
    static const char *const of_streams[] = {"open", "close", "refuse"};
    const struct filter_facts facts = event_facts(e);
    for (size_t i = 0; i < sizeof of_streams / sizeof *of_streams; i++)
        if (strcmp(e->event, of_streams[i]) == 0)
            return filter_matches(f, &facts);
    return true;
}
