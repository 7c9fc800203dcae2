#include "gateway/ctl/ctl.h"

#include <string.h>

static const struct program program = {
    .name = "tunnelctl close",
    .summary = "Closes a tunnel: takes it off the hub's list, and the hub ends its connections.",
    .usage = "  tunnelctl close --tunnels FILE ID|NAME\n",
    .max_operands = 1,
};

/* An id counts more than a name; a name must be one tunnel's only. */
static enum err take_out(void *ctx, struct tunnel_file *f, char *text, size_t size)
{
    const char *wanted = ctx;
    size_t found = 0, at = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->records[i].id, wanted) == 0) {
            tunnel_file_remove(f, i);
            return ERR_OK;
        }
        if (strcmp(f->records[i].name, wanted) == 0) {
            at = i;
            found++;
        }
    }
    if (found == 1) {
        tunnel_file_remove(f, at);
        return ERR_OK;
    }
    if (found == 0)
        snprintf(text, size, "there is no tunnel %s", wanted);
    else
        snprintf(text, size, "%zu tunnels are called %s: close one by its id", found, wanted);
    return found == 0 ? ERR_NOT_FOUND : ERR_AMBIGUOUS;
}

static int close_tunnel(struct options *o)
{
    char text[512] = "";
    char *const *operands;
    if (options_operands(o, &operands) != 1 || operands[0][0] == '\0') {
        options_fail(o, "which tunnel? Give its id or its name");
        return program_fail(&program, o);
    }
    if (tunnel_file_update(options_get(o, "tunnels"), take_out, operands[0], text, sizeof text) !=
        ERR_OK)
        return ctl_fail(text);
    return 0;
}

int command_close(int argc, char **argv)
{
    struct options *o;
    enum program_next next = ctl_read(&program, NULL, &o, argc, argv);
    int status = next == PROGRAM_GO ? close_tunnel(o) : next == PROGRAM_DONE ? 0 : 1;
    options_free(o);
    return status;
}
