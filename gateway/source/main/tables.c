/* tunnel-gateway services, and tunnel-gateway devices: what there is to be reached, from the
 * running gateway, whose pages have a line for each row and tabs between cells. */
#include "core/base/text.h"
#include "core/config/program.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/gateway_client.h"

#include <stdio.h>

#define BODY_MAX (8u << 20)
#define CELLS_MAX 4

static const struct option_group *const groups[] = {&gateway_client_options, &program_options,
                                                    NULL};

const struct program program_services = {
    .name = "tunnel-gateway services",
    .summary = "Lists the services of a running gateway: host name, service id, tunnel, state.",
    .usage = "  tunnel-gateway services [options]\n",
    .groups = groups,
};

const struct program program_devices = {
    .name = "tunnel-gateway devices",
    .summary = "Lists the devices that a running gateway's access key may reach: name, state, "
               "since when, and the host names of their services.",
    .usage = "  tunnel-gateway devices [options]\n",
    .groups = groups,
};

struct table {
    const char *path;
    struct {
        const char *head;
        int width;
    } columns[CELLS_MAX];
};

static const struct table services = {
    "/services", {{"HOST NAME", 40}, {"SERVICE", 24}, {"TUNNEL", 20}, {"STATE", 0}}};
static const struct table devices = {
    "/devices", {{"DEVICE", 24}, {"STATE", 8}, {"SINCE", 16}, {"HOST NAMES", 0}}};

static bool receive_body(const struct gateway_client *d, const struct http_head *head,
                         struct buf *out)
{
    size_t n = (size_t)head->content_length;
    uint8_t *room = head->content_length >= 0 ? buf_room(out, n) : NULL;
    if (room == NULL || !gateway_client_receive(d, room, n))
        return false;
    buf_added(out, n);
    return true;
}

static void print_row(const struct table *t, const struct span cells[CELLS_MAX])
{
    text_line(stdout, "%-*.*s %-*.*s %-*.*s %.*s", t->columns[0].width, (int)cells[0].n, cells[0].p,
              t->columns[1].width, (int)cells[1].n, cells[1].p, t->columns[2].width,
              (int)cells[2].n, cells[2].p, (int)cells[3].n, cells[3].p);
}

static void print_table(const struct table *t, struct span text)
{
    struct span cells[CELLS_MAX];
    for (size_t i = 0; i < CELLS_MAX; i++)
        cells[i] = span_of(t->columns[i].head);
    print_row(t, cells);
    while (text.n > 0) {
        struct span line = span_cut(&text, '\n');
        for (size_t i = 0; i < CELLS_MAX; i++)
            cells[i] = span_cut(&line, '\t');
        print_row(t, cells);
    }
}

static bool show_table(const struct gateway_client *d, struct http_reader *reader,
                       const struct table *t)
{
    const struct http_request request = {.method = "GET", .target = t->path, .host = "localhost"};
    struct buf body = {.limit = BODY_MAX};
    const struct http_head *head =
        gateway_client_ask(d, &request, "Authorization") ? gateway_client_head(d, reader) : NULL;
    bool whole = head != NULL && receive_body(d, head, &body);
    if (!whole)
        gateway_client_complain("%s does not answer like a gateway", d->where);
    else if (head->status == 404)
        gateway_client_complain("%.*s", (int)(body.size > 0 ? body.size - 1 : 0),
                                (const char *)body.data);
    else if (head->status != 200)
        gateway_client_complain("%d %.*s", head->status, (int)head->reason.n, head->reason.p);
    else
        print_table(t, (struct span){(const char *)body.data, body.size});
    buf_free(&body);
    return whole && head->status == 200;
}

static int list(struct options *o, const struct table *t, const struct program *p)
{
    struct gateway_client d;
    struct http_reader *reader = http_reader_new(HTTP_ANSWER, GATEWAY_CLIENT_HEAD_MAX);
    bool shown = gateway_client_open(&d, o) && show_table(&d, reader, t);
    http_reader_free(reader);
    gateway_client_close(&d);
    return shown && program_printed(p) ? 0 : 1;
}

static int list_services(struct options *o)
{
    return list(o, &services, &program_services);
}

static int list_devices(struct options *o)
{
    return list(o, &devices, &program_devices);
}

int command_services(int argc, char **argv)
{
    return program_main(&program_services, argc, argv, list_services);
}

int command_devices(int argc, char **argv)
{
    return program_main(&program_devices, argc, argv, list_devices);
}
