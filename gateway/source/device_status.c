#include "gateway/source/device_status.h"

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/text.h"

#include <stdio.h>
#include <time.h>

bool device_status_is_awaited(const struct session *s, struct loop *loop)
{
    return loop_now(loop) - session_peer(s)->since_ms < DEVICE_STATUS_WAIT_MS;
}

void device_status_seen(uint64_t ago_ms, char *out, size_t size)
{
    struct tm parts;
    out[0] = '\0';
    time_t then = (time_t)((clock_wall_ms() - (int64_t)ago_ms) / 1000);
    if (localtime_r(&then, &parts) != NULL)
        strftime(out, size,
                 ago_ms / 1000 < 86400 ? ", last seen %H:%M:%S" : ", last seen on %Y-%m-%d",
                 &parts);
}

void device_status_text(const struct session *s, struct loop *loop, bool quiet,
                        char out[DEVICE_STATUS_TEXT])
{
    const struct session_peer *p = session_peer(s);
    char name[80], seen[40] = "";
    if (quiet) {
        snprintf(out, DEVICE_STATUS_TEXT, "%s", err_text(ERR_DEVICE_OFFLINE));
        return;
    }
    if (p->seen_ms != 0)
        device_status_seen(loop_now(loop) - p->seen_ms, seen, sizeof seen);
    text_copy(span_of(p->device), TEXT_ASCII, name, sizeof name);
    snprintf(out, DEVICE_STATUS_TEXT, "%s%s is not connected%s; is tunnel-agent running there?",
             name[0] != '\0' ? "device " : "the device", name, seen);
}
