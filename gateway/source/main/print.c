/* tunnel-gateway print: pieces of configuration for other programs. */
#include "core/base/nearest.h"
#include "core/config/program.h"
#include "gateway/source/main/command.h"
#include "gateway/source/main/gateway_client.h"
#include "gateway/source/pages.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct option table[] = {
    {.name = "gateway",
     .argument = "WHERE",
     .env = "TUNNEL_GATEWAY",
     .fallback = GATEWAY_DEFAULT_LISTEN,
     .help = "Where the gateway listens: ADDRESS:PORT or the path of its unix socket.",
     .flags = OPTION_EXACT},
    {.name = "suffix",
     .argument = "NAME",
     .fallback = "tunnel",
     .help = "What host names end in. May be repeated; the first one is shown.",
     .flags = OPTION_MANY | OPTION_EXACT},
};
static const struct option_group group = OPTION_GROUP("Gateway", table);

static const struct option_group *const groups[] = {&group, &program_options, NULL};

const struct program program_print = {
    .name = "tunnel-gateway print",
    .summary = "Prints a piece of configuration for another program.",
    .usage = "  tunnel-gateway print ssh-config     for ~/.ssh/config\n"
             "  tunnel-gateway print pac            proxy auto-configuration for browsers\n"
             "  tunnel-gateway print unit           a systemd user unit\n",
    .max_operands = 1,
    .operands = "ssh-config|pac|unit",
    .groups = groups,
};

/* The program's own name where PATH has this very file, else where it is. */
static const char *own_name(char *memory, size_t size)
{
    static const char name[] = "tunnel-gateway";
    const char *path = getenv("PATH");
    struct span folders = span_of(path != NULL ? path : "");
    struct stat own, found;
    ssize_t n = readlink("/proc/self/exe", memory, size - 1);
    if (n <= 0 || stat("/proc/self/exe", &own) != 0)
        return name;
    memory[n] = '\0';
    while (folders.n > 0) {
        char file[PATH_MAX];
        struct span folder = span_cut(&folders, ':');
        snprintf(file, sizeof file, "%.*s/%s", (int)folder.n, folder.p, name);
        if (stat(file, &found) == 0 && found.st_dev == own.st_dev && found.st_ino == own.st_ino)
            return name;
    }
    return strpbrk(memory, " \t\n'\"%") == NULL ? memory : name; /* the shell reads it */
}

static bool print_ssh(const char *gateway, const struct names *names)
{
    const char *suffix;
    char memory[PATH_MAX];
    printf("Host");
    for (size_t i = 0; (suffix = names_suffix_at(names, i)) != NULL; i++)
        printf(" *.%s", suffix);
    printf("\n    ProxyCommand %s connect --gateway %s %%h %%p\n", own_name(memory, sizeof memory),
           gateway);
    if (strchr(gateway, '/') == NULL)
        printf("    # where tunnel-gateway is not installed (errors have no words then):\n"
               "    # ProxyCommand nc -X 5 -x %s %%h %%p\n",
               gateway);
    printf("    ServerAliveInterval 15\n"
           "    ControlMaster auto\n"
           "    ControlPath ~/.ssh/cm-%%C\n"
           "    ControlPersist 60\n");
    return true;
}

static bool print_pac(const char *gateway, const struct names *names)
{
    struct buf out = {.limit = 65536};
    char endpoint[PAGES_ENDPOINT];
    if (!pages_endpoint(gateway, endpoint)) {
        gateway_client_complain("browsers need --gateway ADDRESS:PORT%s",
                                strchr(gateway, '/') != NULL ? " and cannot use a unix socket"
                                                             : "");
        return false;
    }
    bool good =
        pages_pac(names, gateway, &out) && fwrite(out.data, 1, out.size, stdout) == out.size;
    buf_free(&out);
    return good;
}

/* The unit of share/systemd, line by line. */
static const char *const unit_lines[] = {
#include "unit_lines.h"
};

#define USUAL_PREFIX "/usr/"

/* Where this program is installed: "/opt/tunnel/", if it is in "/opt/tunnel/bin". */
static void own_prefix(char *out, size_t size)
{
    static const char end[] = "bin/tunnel-gateway";
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    size_t length = strlen(out), rest = sizeof end - 1;
    if (length > rest && strcmp(out + length - rest, end) == 0)
        out[length - rest] = '\0';
    else
        snprintf(out, size, "%s", USUAL_PREFIX);
}

static void print_line(const char *line, const char *prefix)
{
    const char *at = strstr(line, USUAL_PREFIX);
    if (at == NULL)
        printf("%s", line);
    else
        printf("%.*s%s%s", (int)(at - line), line, prefix, at + strlen(USUAL_PREFIX));
}

/* An endpoint that is not the default belongs into the command. */
static bool print_unit(const char *gateway, const struct names *names)
{
    char prefix[PATH_MAX];
    bool usual = strcmp(gateway, GATEWAY_DEFAULT_LISTEN) == 0;
    (void)names;
    own_prefix(prefix, sizeof prefix);
    for (size_t i = 0; i < sizeof unit_lines / sizeof *unit_lines; i++) {
        bool command = strncmp(unit_lines[i], "ExecStart=", 10) == 0;
        print_line(unit_lines[i], prefix);
        printf("%s%s\n", command && !usual ? " --listen " : "", command && !usual ? gateway : "");
    }
    return true;
}

static const struct {
    const char *name;
    bool (*print)(const char *gateway, const struct names *names);
} pieces[] = {{"ssh-config", print_ssh}, {"pac", print_pac}, {"unit", print_unit}};

static bool add_suffixes(struct options *o, struct names *names)
{
    const char *suffix;
    for (size_t i = 0; (suffix = options_each(o, "suffix", i)) != NULL; i++)
        if (names_add_suffix(names, suffix) != ERR_OK) {
            gateway_client_complain("--suffix: \"%s\" is no end of a host name", suffix);
            return false;
        }
    return true;
}

static void complain(const char *piece)
{
    char advice[40];
    struct nearest near = nearest_to(span_of(piece));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        nearest_try(&near, pieces[i].name);
    gateway_client_complain("print what? ssh-config, pac or unit%s",
                            nearest_advice(&near, "", advice, sizeof advice));
}

static bool print(struct options *o, const char *piece)
{
    struct names *names = names_new();
    bool good = names != NULL && add_suffixes(o, names), known = false;
    for (size_t i = 0; good && i < sizeof pieces / sizeof *pieces; i++) {
        if (strcmp(piece, pieces[i].name) != 0)
            continue;
        known = true;
        good = pieces[i].print(options_get(o, "gateway"), names);
    }
    names_free(names);
    if (good && !known)
        complain(piece);
    return program_printed(&program_print) && good && known;
}

static int go(struct options *o)
{
    char *const *operands;
    size_t n = options_operands(o, &operands);
    return print(o, n == 1 ? operands[0] : "") ? 0 : 1;
}

int command_print(int argc, char **argv)
{
    return program_main(&program_print, argc, argv, go);
}
