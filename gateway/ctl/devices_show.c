/* tunnelctl devices list, tunnelctl devices show. */
#include "core/base/text.h"
#include "gateway/ctl/devices.h"
#include "gateway/ctl/print.h"

#include <string.h>

#define NO_DEVICES "No devices; \"tunnelctl devices invite\" lets new ones enrol."
#define PAGE 100 /* the most devices in an answer of ListDevices */

/* ---- columns ---- */

static bool is_true(const cJSON *device, const char *name)
{
    return cJSON_IsTrue(ctl_json_at(device, name));
}

/* One word for what a person wants to know first. */
static const char *state_of(const cJSON *device)
{
    const char *state = ctl_json_text_at(device, "state");
    if (state != NULL && strcmp(state, "PENDING") == 0)
        return "pending";
    if (state != NULL && strcmp(state, "DISABLED") == 0)
        return "disabled";
    if (!is_true(device, "present"))
        return "away";
    return cJSON_IsFalse(ctl_json_at(device, "accepting")) ? "not accepting" : "present";
}

static void cell_name(const cJSON *device, char out[CELL])
{
    print_safe(ctl_json_text_at(device, "device"), 0, out, CELL);
}

static void cell_state(const cJSON *device, char out[CELL])
{
    snprintf(out, CELL, "%s", state_of(device));
}

/* When it came, or was seen last. */
static void cell_since(const cJSON *device, char out[CELL])
{
    const char *which = is_true(device, "present") ? "since" : "lastSeenAt";
    print_time(ctl_json_number_at(device, which), out);
}

static void cell_address(const cJSON *device, char out[CELL])
{
    print_safe(ctl_json_text_at(device, "address"), 0, out, CELL);
}

static void cell_wire(const cJSON *device, char out[CELL])
{
    print_safe(ctl_json_text_at(device, "wire"), 0, out, CELL);
}

static void cell_version(const cJSON *device, char out[CELL])
{
    print_safe(ctl_json_text_at(device, "version"), 20, out, CELL);
}

/* The node of the cluster that has its link, when another one answers. */
static void cell_node(const cJSON *device, char out[CELL])
{
    print_safe(ctl_json_text_at(device, "node"), 0, out, CELL);
}

static void cell_services(const cJSON *device, char out[CELL])
{
    print_list(ctl_json_at(device, "services"), out, CELL);
}

static void cell_labels(const cJSON *device, char out[CELL])
{
    print_labels(ctl_json_at(device, "labels"), out, CELL);
}

static const struct print_column columns[] = {
    {"DEVICE", cell_name},       {"STATE", cell_state},   {"SINCE", cell_since},
    {"ADDRESS", cell_address},   {"WIRE", cell_wire},     {"VERSION", cell_version},
    {"SERVICES", cell_services}, {"LABELS", cell_labels}, {"NODE", cell_node},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns }; /* with that of nodes, the last one */
_Static_assert(N_COLUMNS <= PRINT_COLUMNS_MAX, "they fit into a table");

static bool have_nodes(const cJSON *devices)
{
    const cJSON *device;
    cJSON_ArrayForEach(device, devices)
    {
        if (ctl_json_text_at(device, "node") != NULL)
            return true;
    }
    return false;
}

/* ---- list ---- */

struct label_options {
    const struct options *o;
    size_t i;
};

static const char *next_label(void *ctx)
{
    struct label_options *l = ctx;
    return options_each(l->o, "label", l->i++);
}

/* NULL: a sentence for ctl_usage is there, or there is no memory. */
static cJSON *list_input(struct options *o)
{
    struct label_options labels = {o, 0};
    bool away = options_flag(o, "away"), present = options_flag(o, "present");
    cJSON *input = ctl_json_put(cJSON_CreateObject(), "maxResults", cJSON_CreateNumber(PAGE));
    if (options_each(o, "label", 0) != NULL)
        input = ctl_json_put(input, "labels", devices_labels(o, "label", next_label, &labels));
    if (away && present)
        options_fail(o, "--away and --present: a device cannot be both");
    if (away || present)
        input = ctl_json_put(input, "presence", cJSON_CreateString(away ? "AWAY" : "PRESENT"));
    return input;
}

static bool is_filtered(struct options *o)
{
    return options_flag(o, "away") || options_flag(o, "present") ||
           options_each(o, "label", 0) != NULL;
}

int devices_list(struct ctl *c, char *const *names, size_t n)
{
    cJSON *devices, *input = list_input(c->options);
    (void)names, (void)n;
    if (options_problem(c->options)[0] != '\0') {
        cJSON_Delete(input);
        return ctl_usage(c);
    }
    int code = ctl_outcome(
        c, tunneling_pages(&c->api, "TunnelHub.ListDevices", "devices", input, &devices));
    if (code != CTL_OK)
        return code;
    if (ctl_wants_json(c)) {
        devices = ctl_json_put(cJSON_CreateObject(), "devices", devices);
        code = ctl_print_json(devices);
    } else if (cJSON_GetArraySize(devices) == 0) {
        text_line(stdout, "%s", is_filtered(c->options) ? "No such devices." : NO_DEVICES);
    } else {
        print_table(devices, columns, have_nodes(devices) ? N_COLUMNS : N_COLUMNS - 1);
    }
    cJSON_Delete(devices);
    return code == CTL_OK ? ctl_flush() : code;
}

/* ---- show ---- */

static void print_when(const char *name, const cJSON *device, const char *member)
{
    char time[32];
    print_field(name, print_time(ctl_json_number_at(device, member), time));
}

static void print_uptime(const cJSON *device)
{
    double s = ctl_json_number_at(device, "uptimeSeconds");
    char text[64];
    if (!(s >= 0 && s < 1e10) || ctl_json_at(device, "uptimeSeconds") == NULL)
        return;
    unsigned long long minutes = (unsigned long long)s / 60;
    snprintf(text, sizeof text, "%llu d %llu h %llu min", minutes / 1440, minutes / 60 % 24,
             minutes % 60);
    print_field("up", text);
}

static void print_tunnels(const cJSON *tunnels)
{
    const cJSON *tunnel;
    const char *name = "tunnels";
    cJSON_ArrayForEach(tunnel, tunnels)
    {
        char id[200], services[1000], text[1400];
        const char *source = ctl_json_text_at(tunnel, "sourceConnectionState.status");
        snprintf(text, sizeof text, "%s  %s  %s",
                 print_safe(ctl_json_text_at(tunnel, "tunnelId"), 0, id, sizeof id),
                 print_list(ctl_json_at(tunnel, "services"), services, sizeof services),
                 source != NULL && strcmp(source, "CONNECTED") == 0 ? "in use" : "idle");
        print_field(name, text);
        name = "";
    }
    if (cJSON_GetArraySize(tunnels) == 0)
        print_field(name, NULL);
}

static void print_device(const cJSON *device)
{
    char safe[200], services[9000], labels[9000];
    printf("Device %s\n", print_safe(ctl_json_text_at(device, "device"), 0, safe, sizeof safe));
    print_field("state", state_of(device));
    print_when(is_true(device, "present") ? "since" : "last seen", device,
               is_true(device, "present") ? "since" : "lastSeenAt");
    print_field("address", ctl_json_text_at(device, "address"));
    print_field("wire", ctl_json_text_at(device, "wire"));
    if (ctl_json_text_at(device, "node") != NULL)
        print_field("node", ctl_json_text_at(device, "node"));
    print_field("version", ctl_json_text_at(device, "version"));
    print_uptime(device);
    print_field("services", print_list(ctl_json_at(device, "services"), services, sizeof services));
    print_field("labels", print_labels(ctl_json_at(device, "labels"), labels, sizeof labels));
    print_when("enrolled", device, "enrolledAt");
    print_field("invitation", ctl_json_text_at(device, "invitationId"));
    print_field("key", ctl_json_text_at(device, "keyFingerprint"));
    if (ctl_json_at(device, "azureId") != NULL)
        print_field("azure id", ctl_json_text_at(device, "azureId"));
    if (is_true(device, "symmetricKeys"))
        print_field("keys", "primary, secondary");
    print_tunnels(ctl_json_at(device, "tunnels"));
}

int devices_show(struct ctl *c, char *const *names, size_t n)
{
    cJSON *answer;
    (void)n;
    int code = ctl_call(c, "TunnelHub.DescribeDevice",
                        ctl_json_put(cJSON_CreateObject(), "device", cJSON_CreateString(names[0])),
                        &answer);
    if (code == CTL_OK && ctl_wants_json(c))
        code = ctl_print_json(answer);
    else if (code == CTL_OK)
        print_device(ctl_json_at(answer, "device"));
    cJSON_Delete(answer);
    return code == CTL_OK ? ctl_flush() : code;
}
