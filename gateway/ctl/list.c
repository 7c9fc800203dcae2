#include "gateway/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <time.h>

static const struct program program = {
    .name = "tunnelctl list",
    .summary = "Shows the tunnels in the hub's list.",
    .usage = "  tunnelctl list --tunnels FILE\n",
};

static void print_text(const struct tunnel_file *f, int64_t now)
{
    char services[200], created[32], expires[32];
    printf("%-16s  %-16s  %-20s  %-20s  %s\n", "ID", "NAME", "CREATED", "EXPIRES", "SERVICES");
    for (size_t i = 0; i < f->n; i++) {
        const struct tunnel_record *r = &f->records[i];
        bool over = r->expires != 0 && r->expires <= now;
        printf("%-16s  %-16s  %-20s  %-20s  %s\n", r->id, r->name[0] != '\0' ? r->name : "-",
               ctl_time(r->created, created), over ? "expired" : ctl_time(r->expires, expires),
               ctl_services(r, services, sizeof services));
    }
}

static bool print_json(const struct tunnel_file *f)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(root, "tunnels");
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < f->n; i++)
        ok = cJSON_AddItemToArray(list, ctl_json(&f->records[i]));
    char *text = ok ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (text == NULL)
        return false;
    puts(text);
    free(text);
    return true;
}

static int list(struct options *o)
{
    struct tunnel_file f;
    char text[512];
    int status = 0;
    if (tunnel_file_read(options_get(o, "tunnels"), &f, text, sizeof text) != ERR_OK)
        return ctl_fail(text);
    if (!options_flag(o, "json"))
        print_text(&f, (int64_t)time(NULL));
    else if (!print_json(&f))
        status = ctl_fail(err_text(ERR_NO_MEMORY));
    tunnel_file_free(&f);
    return status;
}

int command_list(int argc, char **argv)
{
    struct options *o;
    enum program_next next = ctl_read(&program, NULL, &o, argc, argv);
    int status = next == PROGRAM_GO ? list(o) : next == PROGRAM_DONE ? 0 : 1;
    options_free(o);
    return status;
}
