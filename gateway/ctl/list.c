/* tunnelctl list. */
#include "core/base/text.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/print.h"

#include <string.h>

#define DESCRIPTION_WIDTH 60

static const struct option table[] = {
    {.name = "thing", .argument = "NAME", .help = "Only tunnels to this thing."},
    {.name = "all", .help = "Closed ones, too."},
    {.name = "short",
     .help = "One call for all: without thing, services, which ends are connected, and until "
             "when, which take a call for each tunnel."},
};
static const struct option_group own = OPTION_GROUP("List", table);

/* ---- columns ---- */

static void cell_text(const cJSON *tunnel, const char *path, char out[CELL])
{
    print_safe(ctl_json_text_at(tunnel, path), 0, out, CELL);
}

static void cell_id(const cJSON *tunnel, char out[CELL])
{
    cell_text(tunnel, "tunnelId", out);
}

static void cell_status(const cJSON *tunnel, char out[CELL])
{
    cell_text(tunnel, "status", out);
}

static void cell_created(const cJSON *tunnel, char out[CELL])
{
    print_time(ctl_json_number_at(tunnel, "createdAt"), out);
}

static void cell_description(const cJSON *tunnel, char out[CELL])
{
    print_safe(ctl_json_text_at(tunnel, "description"), DESCRIPTION_WIDTH, out, CELL);
}

static void cell_thing(const cJSON *tunnel, char out[CELL])
{
    cell_text(tunnel, "destinationConfig.thingName", out);
}

static void cell_services(const cJSON *tunnel, char out[CELL])
{
    print_list(ctl_json_at(tunnel, "destinationConfig.services"), out, CELL);
}

static bool is_connected(const cJSON *tunnel, const char *path)
{
    const char *status = ctl_json_text_at(tunnel, path);
    return status != NULL && strcmp(status, "CONNECTED") == 0;
}

static void cell_connected(const cJSON *tunnel, char out[CELL])
{
    bool source = is_connected(tunnel, "sourceConnectionState.status");
    bool destination = is_connected(tunnel, "destinationConnectionState.status");
    const char *text = source ? "source" : destination ? "destination" : "-";
    snprintf(out, CELL, "%s", source && destination ? "both" : text);
}

static bool is_open(const cJSON *tunnel)
{
    const char *status = ctl_json_text_at(tunnel, "status");
    return status != NULL && strcmp(status, "OPEN") == 0;
}

static void cell_until(const cJSON *tunnel, char out[CELL])
{
    print_time(is_open(tunnel) ? print_expiry(tunnel) : 0, out);
}

static const struct print_column short_columns[] = {
    {"ID", cell_id},
    {"STATUS", cell_status},
    {"CREATED", cell_created},
    {"DESCRIPTION", cell_description},
};
static const struct print_column columns[] = {
    {"ID", cell_id},
    {"THING", cell_thing},
    {"SERVICES", cell_services},
    {"STATUS", cell_status},
    {"CONNECTED", cell_connected},
    {"CREATED", cell_created},
    {"UNTIL", cell_until},
    {"DESCRIPTION", cell_description},
};

/* ---- the tunnels ---- */

static void drop_closed(cJSON *tunnels)
{
    for (cJSON *t = tunnels->child, *next; t != NULL; t = next) {
        next = t->next;
        if (!is_open(t))
            cJSON_Delete(cJSON_DetachItemViaPointer(tunnels, t));
    }
}

/* A tunnel that is gone by now is skipped. */
static int describe_all(struct ctl *c, const cJSON *summaries, cJSON **tunnels)
{
    const cJSON *summary;
    *tunnels = cJSON_CreateArray();
    cJSON_ArrayForEach(summary, summaries)
    {
        cJSON *tunnel;
        const char *id = ctl_json_text_at(summary, "tunnelId");
        if (id == NULL)
            continue;
        enum outcome result = tunneling_describe(&c->api, id, &tunnel);
        if (result == CTL_OK) {
            *tunnels = ctl_json_push(*tunnels, tunnel);
        } else if (strcmp(c->api.error, "ResourceNotFoundException") != 0) {
            cJSON_Delete(*tunnels);
            *tunnels = NULL;
            return ctl_outcome(c, result);
        }
    }
    return *tunnels != NULL ? CTL_OK : ctl_no_memory();
}

/* ---- output ---- */

static int print_text(struct ctl *c, const cJSON *tunnels, bool all, bool with_details)
{
    const char *thing = options_get(c->options, "thing");
    if (cJSON_GetArraySize(tunnels) == 0)
        text_line(stdout, "No %stunnels%s%s.", all ? "" : "open ", thing != NULL ? " to " : "",
                  thing != NULL ? thing : "");
    else if (with_details)
        print_table(tunnels, columns, sizeof columns / sizeof *columns);
    else
        print_table(tunnels, short_columns, sizeof short_columns / sizeof *short_columns);
    return ctl_flush();
}

/* Prints the service's JSON with all pages in one. Takes the array over. */
static int print_document(cJSON *summaries)
{
    cJSON *document = ctl_json_put(cJSON_CreateObject(), "tunnelSummaries", summaries);
    int code = ctl_print_json(document);
    cJSON_Delete(document);
    return code;
}

static int list(struct ctl *c)
{
    bool all = options_flag(c->options, "all"), with_details = !options_flag(c->options, "short");
    cJSON *tunnels, *details = NULL;
    int code = ctl_outcome(c, tunneling_list(&c->api, options_get(c->options, "thing"), &tunnels));
    if (code != CTL_OK)
        return code;
    if (!all)
        drop_closed(tunnels);
    if (ctl_wants_json(c))
        return print_document(tunnels);
    if (with_details) {
        code = describe_all(c, tunnels, &details);
        cJSON_Delete(tunnels);
        tunnels = details;
    }
    if (code == CTL_OK)
        code = print_text(c, tunnels, all, with_details);
    cJSON_Delete(tunnels);
    return code;
}

static const struct option_group *const groups[] = {&own, &ctl_options, &program_check_options,
                                                    &program_options, NULL};

const struct command command_list = {
    .word = "list",
    .summary = "show the tunnels",
    .program = {.name = "tunnelctl list",
                .summary = "Shows the open tunnels, newest first.",
                .usage = "  tunnelctl list [--thing NAME] [--all] [--short]\n",
                .groups = groups},
    .run = list,
};
