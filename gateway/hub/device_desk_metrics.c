/* Metrics of devices and notices; share/doc/hub.md lists them. */
#include "core/base/prometheus.h"
#include "gateway/hub/device_desk_internal.h"

#include <stdio.h>

static void labelled(struct buf *out, const char *name, const char *label, const char *text,
                     uint64_t value)
{
    struct prometheus_label l = {label, text};
    prometheus_number(out, name, &l, 1, value);
}

static void one(struct buf *out, const char *name, enum prometheus_kind kind, const char *help,
                uint64_t value)
{
    prometheus_metric(out, name, kind, help);
    prometheus_number(out, name, NULL, 0, value);
}

static void devices(const struct device_desk *d, struct buf *out)
{
    static const char known[] = "tunnel_hub_devices";
    static const char enrolments[] = "tunnel_hub_enrolments_total";
    struct device_counts c = device_registry_counts(d->hub->devices);
    prometheus_metric(out, known, PROMETHEUS_GAUGE, "Devices that are enrolled, by their state.");
    for (int s = 0; s < DEVICE_STATE_COUNT; s++)
        labelled(out, known, "state", device_state_name((enum device_state)s), c.by_state[s]);
    one(out, "tunnel_hub_devices_present", PROMETHEUS_GAUGE,
        "Devices whose link is here and that may be asked for.", notices_present(d->notices));
    one(out, "tunnel_hub_device_links", PROMETHEUS_GAUGE,
        "Links of devices, with those that are pending or on their way in or out.", d->links.size);
    one(out, "tunnel_hub_mqtt_clients", PROMETHEUS_GAUGE, "Those of them that speak MQTT.",
        d->mqtt_sessions);
    one(out, "tunnel_hub_mqtt_subscriptions_refused_total", PROMETHEUS_COUNTER,
        "Subscriptions of MQTT clients to what is not their device's.", d->mqtt_refused);
    prometheus_metric(out, enrolments, PROMETHEUS_COUNTER,
                      "Devices that said who they are, by what came of it.");
    for (int r = 0; r < ENROL_COUNT; r++)
        labelled(out, enrolments, "result", enrol_result_name((enum enrol_result)r),
                 d->enrolments[r]);
}

/* Classes are cumulative there. */
static void accept_times(const struct notices_counts *c, struct buf *out)
{
    uint64_t sum = 0;
    char end[24];
    prometheus_metric(out, "tunnel_hub_notice_accept_seconds", PROMETHEUS_HISTOGRAM,
                      "Seconds from a notice to its acceptance.");
    for (size_t i = 0; i <= NOTICE_CLASSES; i++) {
        sum += c->accepted_in[i];
        if (i < NOTICE_CLASSES)
            snprintf(end, sizeof end, "%g", (double)notice_class_ms[i] / 1000);
        else
            snprintf(end, sizeof end, "+Inf");
        labelled(out, "tunnel_hub_notice_accept_seconds_bucket", "le", end, sum);
    }
    prometheus_real(out, "tunnel_hub_notice_accept_seconds_sum", NULL, 0,
                    (double)c->accept_ms / 1000);
    prometheus_number(out, "tunnel_hub_notice_accept_seconds_count", NULL, 0, sum);
}

static void notices(const struct notices_counts *c, struct buf *out)
{
    static const char results[] = "tunnel_hub_notices_total";
    static const char ignored[] = "tunnel_hub_notice_answers_ignored_total";
    prometheus_metric(out, results, PROMETHEUS_COUNTER,
                      "Notices to devices that are over, by what came of them.");
    for (int r = 0; r < NOTICE_RESULTS; r++)
        labelled(out, results, "result", notice_result_name((enum notice_result)r), c->results[r]);
    one(out, "tunnel_hub_notices_delivered_total", PROMETHEUS_COUNTER,
        "Notices that were sent to a device.", c->delivered);
    one(out, "tunnel_hub_notices_waiting", PROMETHEUS_GAUGE,
        "Notices for whose answer somebody waits.", c->waiting);
    one(out, "tunnel_hub_notices_kept", PROMETHEUS_GAUGE,
        "Notices that are kept for a device, and nobody waits for.", c->kept);
    prometheus_metric(out, ignored, PROMETHEUS_COUNTER,
                      "Answers of devices that counted for nothing.");
    labelled(out, ignored, "reason", "late", c->late);
    labelled(out, ignored, "reason", "not-its-own", c->not_yours);
    accept_times(c, out);
}

void device_desk_metrics(const struct device_desk *d, struct buf *out)
{
    struct notices_counts c = notices_counts(d->notices);
    devices(d, out);
    notices(&c, out);
}
