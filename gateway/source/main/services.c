/* tunnel-gateway services: what there is to be reached, from the running gateway. */
#include "core/base/text.h"
#include "core/config/program.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/gateway_client.h"

#include <stdio.h>

#define BODY_MAX 1048576

static const struct option_group *const groups[] = {&gateway_client_options, &program_options,
                                                    NULL};

const struct program program_services = {
    .name = "tunnel-gateway services",
    .summary = "Lists the services of a running gateway: host name, service id, tunnel, state.",
    .usage = "  tunnel-gateway services [options]\n",
    .groups = groups,
};

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

static void print_table(struct span text)
{
    text_line(stdout, "%-40s %-24s %-20s %s", "HOST NAME", "SERVICE", "TUNNEL", "STATE");
    while (text.n > 0) {
        struct span line = span_cut(&text, '\n'), cell[4];
        for (size_t i = 0; i < 4; i++)
            cell[i] = span_cut(&line, '\t');
        text_line(stdout, "%-40.*s %-24.*s %-20.*s %.*s", (int)cell[0].n, cell[0].p, (int)cell[1].n,
                  cell[1].p, (int)cell[2].n, cell[2].p, (int)cell[3].n, cell[3].p);
    }
}

static bool show_services(const struct gateway_client *d, struct http_reader *reader)
{
    static const struct http_request request = {
        .method = "GET", .target = "/services", .host = "localhost"};
    struct buf body = {.limit = BODY_MAX};
    const struct http_head *head =
        gateway_client_ask(d, &request, "Authorization") ? gateway_client_head(d, reader) : NULL;
    bool whole = head != NULL && receive_body(d, head, &body);
    if (!whole)
        gateway_client_complain("%s does not answer like a gateway", d->where);
    else if (head->status != 200)
        gateway_client_complain("%d %.*s", head->status, (int)head->reason.n, head->reason.p);
    else
        print_table((struct span){(const char *)body.data, body.size});
    buf_free(&body);
    return whole && head->status == 200;
}

static int list(struct options *o)
{
    struct gateway_client d;
    struct http_reader *reader = http_reader_new(HTTP_ANSWER, GATEWAY_CLIENT_HEAD_MAX);
    bool shown = gateway_client_open(&d, o) && show_services(&d, reader);
    http_reader_free(reader);
    gateway_client_close(&d);
    return shown && program_printed(&program_services) ? 0 : 1;
}

int command_services(int argc, char **argv)
{
    return program_main(&program_services, argc, argv, list);
}
