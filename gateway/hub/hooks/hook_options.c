#include "gateway/hub/hooks/hook_options.h"

#define TIMEOUT_LEAST_MS 100
#define TIMEOUT_MOST_MS 600000
#define REFUSALS_MOST 1000000

static const struct option hook_table[] = {
    {.name = "hook",
     .argument = "CMD",
     .help =
         "A program, with arguments if need be, that is told what happens: a JSON object on its "
         "standard input. No shell is run."},
    {.name = "hook-events",
     .argument = "NAMES",
     .fallback = "all",
     .help = "Of which events, with commas between them: device-present, device-away, "
             "tunnel-opened, tunnel-closed, refusals, certificate, store-failing, store-works."},
    {.name = "hook-refusals",
     .argument = "N",
     .fallback = "100",
     .help = "So many refusals in one minute are an event."},
    {.name = "hook-timeout",
     .argument = "TIME",
     .fallback = "10s",
     .help = "A program that has not ended by then is killed."},
};
const struct option_group hook_options = OPTION_GROUP("Alerts", hook_table);

enum err hook_options_read(struct options *o, struct hooks_options *out, uint64_t *refusals)
{
    struct span wrong;
    struct hooks_options hook = {.command = options_get(o, "hook")};
    uint64_t times = 0;
    if (!hook_events_read(options_get(o, "hook-events"), &hook.events, &wrong))
        return options_reject(o, "hook-events", "has \"%.*s\", which is no event (--help has all)",
                              (int)wrong.n, wrong.p);
    enum err why = options_duration(o, "hook-timeout", &hook.timeout_ms);
    if (why == ERR_OK && (hook.timeout_ms < TIMEOUT_LEAST_MS || hook.timeout_ms > TIMEOUT_MOST_MS))
        why = options_reject(o, "hook-timeout", "must be between 100ms and 10m");
    if (why == ERR_OK)
        why = options_number(o, "hook-refusals", 1, REFUSALS_MOST, &times);
    if (why != ERR_OK)
        return why;
    *out = hook;
    *refusals = times;
    return ERR_OK;
}
