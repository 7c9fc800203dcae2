/* tunnel-gateway services: what there is to be reached, from the running gateway. */
#include "core/base/text.h"
#include "core/config/program.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/gateway_client.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD_MAX 8192
#define BODY_MAX 1048576

static const struct option_group *const groups[] = {&gateway_client_options, &program_options,
                                                    NULL};

const struct program program_services = {
    .name = "tunnel-gateway services",
    .summary = "Lists the services of a running gateway: host name, service id, tunnel, state.",
    .usage = "  tunnel-gateway services [options]\n",
    .groups = groups,
};

static bool ask(const struct gateway_client *d, char head[HEAD_MAX], struct buf *body)
{
    struct buf request = {.limit = 4096};
    bool good = buf_printf(&request, "GET /services HTTP/1.0\r\nHost: localhost\r\n") &&
                gateway_client_credentials(d, "Authorization", &request) &&
                buf_append(&request, "\r\n", 2) &&
                gateway_client_send(d, request.data, request.size) &&
                gateway_client_head(d, head, HEAD_MAX);
    buf_wipe(&request);
    while (good) {
        uint8_t *room = buf_room(body, 4096);
        ssize_t got = room != NULL ? recv(d->fd, room, 4096, 0) : -1;
        if (got == 0)
            return true;
        good = got > 0;
        if (good)
            buf_added(body, (size_t)got);
    }
    return false;
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

static int list(struct options *o)
{
    struct gateway_client d;
    struct buf body = {.limit = BODY_MAX};
    char head[HEAD_MAX];
    const char *phrase = "";
    int code = 1;
    if (gateway_client_open(&d, o)) {
        int status = ask(&d, head, &body) ? gateway_client_status(head, &phrase) : 0;
        code = status == 200 ? 0 : 1;
        if (status == 0)
            gateway_client_complain("%s does not answer like a gateway", d.where);
        else if (status != 200)
            gateway_client_complain("%d %s", status, phrase);
        else
            print_table((struct span){(const char *)body.data, body.size});
    }
    buf_free(&body);
    gateway_client_close(&d);
    return code;
}

int command_services(int argc, char **argv)
{
    struct options *o = program_options_new(&program_services);
    int code = 1;
    if (o == NULL)
        return 1;
    enum program_next next = program_read(&program_services, o, argc, argv);
    if (next != PROGRAM_FAILED)
        code = next == PROGRAM_DONE ? 0 : list(o);
    options_free(o);
    return code;
}
