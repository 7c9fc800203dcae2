/* A program with many made-up streams, or at a hub devices and tunnels, to be watched: all of them
 * move, and each second one ends and another one begins.
 *
 *   crowd gateway|hub COUNT [--control PATH] [--ops-listen ADDRESS:PORT]
 *
 * It logs where it listens, as the programs do. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/base/str.h"
#include "core/control/control.h"
#include "core/control/monitor_devices.h"
#include "core/control/page/live_page.h"
#include "gateway/common/program_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOVE_MS 1000

static const char *const services[] = {"SSH1", "HTTP1", "MQTT1", "MODBUS", "VNC"};
static const char *const hosts[] = {"ssh1.tunnel", "http1.tunnel", "mqtt1.tunnel", "modbus.tunnel",
                                    "vnc.tunnel"};
static const char *const sites[] = {"north", "mill", "yard", "weir"};
#define SITES (sizeof sites / sizeof *sites)
#define SERVICES (sizeof services / sizeof *services)

struct one {
    struct monitor_stream *stream;
    struct monitor_hub_tunnel *tunnel;
    uint64_t up, down, speed;
    char device[32], address[24];
    const char *site;
};

static struct {
    struct options *options;
    struct program_run *run;
    struct monitor *monitor;
    struct monitor_tunnel *tunnel;
    struct timer *timer;
    struct one *ones;
    size_t n, next;
    uint32_t moved; /* so many times */
    bool hub;
    uint32_t chance;
    int64_t began; /* milliseconds since 1970 */
} crowd;

static uint32_t random_below(uint32_t limit)
{
    crowd.chance = crowd.chance * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)crowd.chance * limit >> 32);
}

/* ---- what they do ---- */

static void look_stream(void *ctx, struct monitor_counters *out)
{
    const struct one *o = ctx;
    *out = (struct monitor_counters){.state = MONITOR_STREAM_OPEN,
                                     .up = o->up,
                                     .down = o->down,
                                     .frames_up = o->up / 1000,
                                     .frames_down = o->down / 1000,
                                     .answered = true,
                                     .first_byte_ms = 7,
                                     .connection_id = 1};
}

static void look_tunnel(void *ctx, struct monitor_hub_end out[MONITOR_SIDES])
{
    const struct one *o = ctx;
    out[MONITOR_SOURCE] = (struct monitor_hub_end){true, o->up};
    out[MONITOR_DESTINATION] = (struct monitor_hub_end){true, o->down};
}

static void look_link(void *ctx, struct monitor_tunnel_state *out)
{
    (void)ctx;
    out->link = MONITOR_UP;
    out->since_ms = loop_now(program_run_loop(crowd.run)) - 3600000;
    out->round_trip_us = 21000;
    out->far_round_trip_us = 48000;
    out->connections = 1;
}

static void begin(size_t i)
{
    struct one *o = &crowd.ones[i];
    char client[40], target[40], asked[64];
    const char *service = services[i % SERVICES];
    snprintf(client, sizeof client, "10.%zu.%zu.%zu:%zu", i >> 16 & 255, i >> 8 & 255, i & 255,
             40000 + i % 20000);
    snprintf(target, sizeof target, "192.0.2.%zu:443", i % 250);
    o->up = o->down = 0;
    o->speed = i % 10 == 0 ? 1 + random_below(1 << 20) : i % 3 == 0 ? random_below(4000) : 0;
    if (crowd.hub) {
        snprintf(asked, sizeof asked, "%08zx-0000-4000-8000-000000000000", i);
        const struct monitor_hub_tunnel_info info = {.id = asked,
                                                     .thing = o->device,
                                                     .ends = {client, target},
                                                     .look = look_tunnel,
                                                     .ctx = o};
        o->tunnel = monitor_hub_tunnel_began(crowd.monitor, &info);
        monitor_hub_tunnel_met(o->tunnel);
        return;
    }
    snprintf(asked, sizeof asked, "%s.%s.tunnel", service, o->device);
    const struct monitor_stream_info info = {.client = client,
                                             .via = "socks5",
                                             .user = i % 4 == 0 ? "ann" : "bob",
                                             .asked = asked,
                                             .look = look_stream,
                                             .ctx = o};
    o->stream = monitor_stream_began(crowd.monitor, &info);
    monitor_stream_opened(o->stream, crowd.tunnel, service);
    monitor_stream_answered(o->stream);
}

static void end(size_t i)
{
    struct one *o = &crowd.ones[i];
    monitor_hub_tunnel_ended(o->tunnel, ERR_TUNNEL_CLOSED, NULL, true);
    monitor_stream_ended(o->stream, &(struct monitor_end){.why = ERR_CLIENT_CLOSED});
    o->tunnel = NULL;
    o->stream = NULL;
}

static void on_time(void *owner)
{
    (void)owner;
    for (size_t i = 0; i < crowd.n; i++) {
        struct one *o = &crowd.ones[i];
        uint32_t wave = (crowd.moved + (uint32_t)i) % 40, part = wave < 20 ? wave : 40 - wave;
        uint64_t now = o->speed * (5 + part + random_below(5)) / 25;
        o->down += now;
        o->up += now / 8;
    }
    crowd.moved++;
    if (crowd.n > 0) {
        end(crowd.next);
        begin(crowd.next);
        crowd.next = (crowd.next + 7) % crowd.n;
    }
    timer_start(crowd.timer, MOVE_MS);
}

/* ---- a hub's devices ---- */

static struct monitor_label label_at(const void *labels, size_t i)
{
    (void)i;
    return (struct monitor_label){"site", ((const struct one *)labels)->site};
}

static void each_device(void *ctx, void (*take)(void *to, const struct monitor_device *d), void *to)
{
    (void)ctx;
    for (size_t i = 0; i < crowd.n; i++) {
        bool here = i % 5 != 0;
        const struct monitor_device d = {
            .name = crowd.ones[i].device,
            .state = here ? MONITOR_DEVICE_PRESENT : MONITOR_DEVICE_AWAY,
            .present = here,
            .since = crowd.began + (int64_t)(i % 997) * 1000,
            .enrolled = 1700000000000,
            .address = here ? crowd.ones[i].address : NULL,
            .version = "0.1.0",
            .carrier = "device-link",
            .services = services,
            .n_services = 2,
            .n_labels = 1,
            .labels = &crowd.ones[i],
            .label = label_at,
        };
        take(to, &d);
    }
}

/* ---- as a program ---- */

static void open_tunnel(void)
{
    struct monitor_service_info infos[SERVICES];
    crowd.tunnel = monitor_tunnel_add(
        crowd.monitor, &(struct monitor_tunnel_info){
                           .name = "pump-07", .hub = "wss://hub.example:443", .look = look_link});
    for (size_t i = 0; i < SERVICES; i++)
        infos[i] = (struct monitor_service_info){.id = services[i], .host = hosts[i]};
    monitor_services(crowd.tunnel, infos, SERVICES);
}

static bool start(void *owner, struct program_run *run)
{
    (void)owner;
    crowd.run = run;
    if (!program_run_open_control(run, crowd.hub ? "tunnel-hub" : "tunnel-gateway",
                                  crowd.hub ? "hub" : "source", crowd.options))
        return false;
    crowd.monitor = program_run_monitor(run);
    if (crowd.hub)
        monitor_devices(crowd.monitor, &(struct monitor_device_source){.each = each_device});
    else
        open_tunnel();
    crowd.began = clock_wall_ms() - 3 * 3600 * 1000;
    for (size_t i = 0; i < crowd.n; i++) {
        struct one *o = &crowd.ones[i];
        snprintf(o->device, sizeof o->device, "pump-%06zu", i);
        snprintf(o->address, sizeof o->address, "198.51.100.%zu:%zu", i % 250 + 1,
                 40000 + i % 20000);
        o->site = sites[i % SITES];
        begin(i);
    }
    crowd.timer = timer_new(program_run_loop(run), on_time, NULL);
    timer_start(crowd.timer, MOVE_MS);
    log_info("%zu are here", crowd.n);
    return crowd.timer != NULL;
}

static void stop(void *owner)
{
    (void)owner;
    for (size_t i = 0; i < crowd.n; i++)
        end(i);
    monitor_devices(crowd.monitor, NULL);
    monitor_tunnel_remove(crowd.tunnel);
    timer_free(crowd.timer);
}

static bool take_words(int argc, char **argv)
{
    static const struct option_group *const groups[] = {&control_options, &control_ops_options,
                                                        &live_page_options};
    char *const *operands;
    uint64_t n;
    crowd.options = options_new(groups, sizeof groups / sizeof *groups);
    if (crowd.options == NULL || options_argv(crowd.options, argc, argv, 2) != ERR_OK ||
        options_operands(crowd.options, &operands) != 2 ||
        !str_number(span_of(operands[1]), 1000000, &n))
        return false;
    crowd.hub = strcmp(operands[0], "hub") == 0;
    crowd.n = (size_t)n;
    crowd.ones = calloc(crowd.n + 1, sizeof *crowd.ones);
    return crowd.ones != NULL;
}

int main(int argc, char **argv)
{
    static const struct program_run_events events = {.start = start,
                                                     .stop = stop,
                                                     .ending = "shutting down",
                                                     .ops_pages = live_pages,
                                                     .n_ops_pages = LIVE_PAGES};
    process_begin();
    if (!take_words(argc, argv)) {
        fprintf(stderr, "crowd gateway|hub COUNT [--control PATH] [--ops-listen ADDRESS:PORT]\n");
        return 2;
    }
    int code = program_run(&events, NULL);
    free(crowd.ones);
    options_free(crowd.options);
    loop_exit(code);
}
