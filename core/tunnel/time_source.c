#include "core/tunnel/time_source.h"

const struct time_source time_of_loop = {
    .now_ms = loop_now,
    .now_ns = uv_hrtime,
    .timer_new = timer_new,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_free = timer_free,
};
