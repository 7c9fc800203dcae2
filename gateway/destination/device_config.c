#include "gateway/destination/device_config.h"

#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/process.h"
#include "core/base/secret.h"
#include "core/config/token_text.h"
#include "core/device/device_link.h"
#include "gateway/destination/acceptance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOIN_TOKEN_FILE_MAX 16384

static const struct option table[] = {
    {.name = "device",
     .argument = "NAME",
     .help = "Stand by at the hub under this name, and serve who is let in, instead of serving one "
             "tunnel by its access token. 1 to 128 letters, digits, '-', '_' or ':'; @hostname and "
             "@machine-id take it from the machine. Needed at the first start only.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "join-token",
     .argument = "TOKEN",
     .env = "TUNNEL_JOIN_TOKEN",
     .help = "Lets a new device in at its first start; tunnelctl devices invite makes one. Better "
             "in the environment or in a file.",
     .flags = OPTION_EXACT | OPTION_SECRET},
    {.name = "join-token-file",
     .argument = "FILE",
     .help = "Read it from a file (\"-\": standard input).",
     .flags = OPTION_EXACT},
    {.name = "state-dir",
     .argument = "DIR",
     .env = "STATE_DIRECTORY",
     .help = "Where the device's key and name are kept. Default: /var/lib/tunnel-agent for root, "
             "else tunnel-agent in $XDG_STATE_HOME or ~/.local/state.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "accept",
     .argument = "always|never",
     .fallback = "always",
     .help =
         "Whether to let anybody in. \"tunnel-agent accept never\" or \"... always\" switches a "
         "running one.",
     .flags = OPTION_EXACT | OPTION_START},
    {.name = "accept-command",
     .argument = "CMD",
     .help = "Ask this program each time: a path and its arguments, separated by blanks. It finds "
             "who wants what in TUNNEL_WHO, TUNNEL_SERVICE and others, accepts with exit code 0, "
             "and else prints the reason.",
     .flags = OPTION_EXACT},
    {.name = "max-tunnels",
     .argument = "N",
     .fallback = "64",
     .help = "At a time, 1 to 64.",
     .flags = OPTION_EXACT},
};
const struct option_group agent_standby_options = OPTION_GROUP("Standing by as a device", table);

static enum err no_memory(struct options *o)
{
    options_fail(o, "out of memory");
    return ERR_NO_MEMORY;
}

/* ---- the state directory ---- */

/* malloc'd; NULL: there is no memory, or no home. */
static char *directory_of(const struct options *o)
{
    const char *given = options_get(o, "state-dir"), *state, *home;
    char *text = NULL;
    if (given != NULL)
        return strdup(given);
    if (geteuid() == 0)
        return strdup("/var/lib/tunnel-agent");
    state = process_environment("XDG_STATE_HOME");
    home = process_environment("HOME");
    int n = -1;
    if (state != NULL && state[0] == '/')
        n = asprintf(&text, "%s/tunnel-agent", state);
    else if (home != NULL && home[0] == '/')
        n = asprintf(&text, "%s/.local/state/tunnel-agent", home);
    return n >= 0 ? text : NULL;
}

static bool has_identity(const char *directory)
{
    char *path;
    if (directory == NULL || asprintf(&path, "%s/" DEVICE_IDENTITY_FILE, directory) < 0)
        return false;
    bool there = access(path, F_OK) == 0 || errno == EACCES;
    free(path);
    return there;
}

/* ---- which of the two ---- */

/* The first of these that is given; NULL: none is. */
static const char *first_given(const struct options *o, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (options_get(o, names[i]) != NULL && options_source(o, names[i]) != OPTION_DEFAULT)
            return names[i];
    return NULL;
}

/* The end of one tunnel asks nobody, and what it is told about that would be lost. */
static enum err none_for_devices(struct options *o)
{
    static const char *const names[] = {"accept", "accept-command", "max-tunnels"};
    const char *name = first_given(o, names, 3);
    return name == NULL ? ERR_OK
                        : options_fail(o,
                                       "--%s is for a device that stands by (--device), and an "
                                       "access token is for one tunnel",
                                       name);
}

enum err device_config_wanted(struct options *o, bool *wanted)
{
    static const char *const tokens[] = {"access-token", "token-file"};
    static const char *const standing_by[] = {"device", "join-token", "join-token-file"};
    const char *token = first_given(o, tokens, 2), *device = first_given(o, standing_by, 3);
    char here[160], there[160];
    *wanted = device != NULL;
    if (token != NULL && device != NULL)
        return options_fail(o,
                            "--%s (%s) and --%s (%s) are both given: a device stands by under its "
                            "name, and an access token is for one tunnel; give one of them",
                            device, options_where(o, device, here, sizeof here), token,
                            options_where(o, token, there, sizeof there));
    if (token != NULL)
        return none_for_devices(o);
    if (*wanted)
        return ERR_OK;
    bool explicit =
        options_get(o, "state-dir") != NULL && options_source(o, "state-dir") != OPTION_ENVIRONMENT;
    char *directory = directory_of(o);
    *wanted = explicit || options_get(o, "cert") != NULL || has_identity(directory);
    free(directory);
    return ERR_OK;
}

/* ---- its name ---- */

static enum err name_is_wrong(struct options *o, const char *what, const char *name)
{
    char safe[200];
    return options_fail(o, "--device %s: \"%s\" is not a device's name, which has %s", what,
                        str_escape(span_of(name), safe, sizeof safe), DEVICE_NAME_RULE);
}

static enum err take_name(struct options *o, const char *what, const char *name,
                          struct device_config *out)
{
    if (!device_name_valid(span_of(name)))
        return name_is_wrong(o, what, name);
    memcpy(out->name, name, strlen(name) + 1);
    return ERR_OK;
}

/* The first label of it: names of devices have no dots. */
static enum err name_of_host(struct options *o, struct device_config *out)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    host[strcspn(host, ".")] = '\0';
    return take_name(o, "@hostname", host, out);
}

static enum err name_of_machine(struct options *o, struct device_config *out)
{
    char problem[400], name[80] = "";
    struct span text;
    enum err why = file_read("/etc/machine-id", sizeof name - 1, &text, problem, sizeof problem);
    if (why != ERR_OK)
        return options_fail(o, "--device @machine-id: %s", problem);
    memcpy(name, text.p, text.n);
    name[strcspn(name, "\r\n")] = '\0';
    file_wipe(&text);
    if (strcmp(name, "uninitialized") == 0) /* machine-id(5): an image at its first boot */
        name[0] = '\0';
    return take_name(o, "@machine-id", name, out);
}

static enum err read_name(struct options *o, struct device_config *out)
{
    const char *given = options_get(o, "device");
    if (given == NULL)
        return ERR_OK;
    if (strcmp(given, "@hostname") == 0)
        return name_of_host(o, out);
    if (strcmp(given, "@machine-id") == 0)
        return name_of_machine(o, out);
    if (given[0] == '@')
        return options_reject(o, "device",
                              "is not known: @hostname and @machine-id take the name from the "
                              "machine");
    return take_name(o, given, given, out);
}

/* ---- who it is ---- */

static enum err read_certificate_name(struct options *o, const struct identity *identity,
                                      struct device_config *out)
{
    char name[IDENTITY_NAME_SIZE];
    const char *wrong = identity_name(identity, name);
    out->by_certificate = true;
    if (wrong != NULL)
        return options_fail(o, "--cert: %s, so it does not say which device this is", wrong);
    if (!device_name_valid(span_of(name)))
        return options_fail(o,
                            "--cert: its common name \"%s\" is not a device's name, which has %s",
                            name, DEVICE_NAME_RULE);
    if (out->name[0] != '\0' && strcmp(out->name, name) != 0)
        return options_fail(o, "--device %s and --cert, which is for \"%s\", differ", out->name,
                            name);
    memcpy(out->name, name, strlen(name) + 1);
    return ERR_OK;
}

/* A machine's host name may change, which makes no other device of it; with any other name somebody
 * means another device, or the directory is a copy of another machine's. */
static enum err compare_names(struct options *o, struct device_config *out)
{
    const char *given = options_get(o, "device"), *kept = out->identity.name;
    bool other = out->name[0] != '\0' && strcmp(out->name, kept) != 0;
    if (other && out->identity.enrolled && strcmp(given, "@hostname") == 0)
        log_warning("The host name is \"%s\" now; the device stays \"%s\", as which it is enrolled",
                    out->name, kept);
    else if (other && out->identity.enrolled)
        return options_fail(o,
                            "--device %s: %s has the key of device \"%s\": start without --device "
                            "to go on as that, or with another --state-dir",
                            given, out->directory, kept);
    if (!other || out->identity.enrolled)
        memcpy(out->name, kept, sizeof out->name);
    else
        memcpy(out->identity.name, out->name, sizeof out->identity.name);
    return ERR_OK;
}

static enum err read_identity(struct options *o, struct device_config *out)
{
    char text[400];
    out->directory = directory_of(o);
    if (out->directory == NULL)
        return options_fail(o, "give a directory for the device's key: --state-dir DIR");
    if (!has_identity(out->directory))
        return ERR_OK;
    enum err why = device_identity_load(out->directory, &out->identity, text, sizeof text);
    if (why != ERR_OK)
        return options_fail(o, "--state-dir: %s", text);
    out->known = true;
    return compare_names(o, out);
}

/* What a device that no hub has welcomed yet needs. */
static enum err check_first_start(struct options *o, const struct device_config *c)
{
    if (c->by_certificate || (c->known && c->identity.enrolled))
        return ERR_OK;
    if (c->name[0] == '\0')
        return options_fail(o,
                            "%s has no device yet: name it with --device NAME, and give its join "
                            "token",
                            c->directory);
    if (c->join_token == NULL)
        return options_fail(o,
                            "device \"%s\" is not enrolled yet: give the join token that tunnelctl "
                            "devices invite makes, with --join-token-file FILE or the environment "
                            "variable TUNNEL_JOIN_TOKEN",
                            c->name);
    return ERR_OK;
}

/* ---- the join token ---- */

/* A device that is enrolled needs it no more, and its file may be gone or empty. */
static enum err read_token_text(struct options *o, bool needed, const char **name, char **out)
{
    const char *path = options_get(o, "join-token-file"), *given = options_get(o, "join-token");
    char problem[400];
    struct span text;
    bool file = path != NULL && (given == NULL || options_source(o, "join-token-file") >=
                                                      options_source(o, "join-token"));
    *name = file ? "join-token-file" : "join-token";
    if (!file) {
        const char *wrong = given != NULL ? token_text(span_of(given), out) : NULL;
        return wrong == NULL ? ERR_OK : options_reject(o, *name, "%s", wrong);
    }
    enum err why = file_read(path, JOIN_TOKEN_FILE_MAX, &text, problem, sizeof problem);
    if (why == ERR_NOT_FOUND && !needed)
        return ERR_OK;
    if (why != ERR_OK)
        return options_fail(o, "--join-token-file: %s", problem);
    const char *wrong = token_text(text, out);
    file_wipe(&text);
    return wrong == NULL || !needed ? ERR_OK
                                    : options_fail(o, "--join-token-file: %s %s", path, wrong);
}

static enum err read_join_token(struct options *o, struct device_config *out)
{
    const char *name;
    enum err why = read_token_text(o, !out->identity.enrolled, &name, &out->join_token);
    if (why != ERR_OK || out->join_token == NULL)
        return why;
    if (strlen(out->join_token) > DEVICE_LINK_TOKEN_MAX ||
        strncmp(out->join_token, DEVICE_JOIN_TOKEN_PREFIX, strlen(DEVICE_JOIN_TOKEN_PREFIX)) != 0)
        return options_fail(o,
                            "--%s: there is no join token in it, which begins with "
                            "\"" DEVICE_JOIN_TOKEN_PREFIX "\" (tunnelctl devices invite makes "
                            "one)",
                            name);
    if (strcmp(name, "join-token") == 0 && options_source(o, name) == OPTION_ARGV)
        log_warning("The join token was given on the command line, where histories keep it: better "
                    "use TUNNEL_JOIN_TOKEN or a file");
    return ERR_OK;
}

/* ---- the rest ---- */

static enum err check_command(struct options *o, const char *command)
{
    char *copy = str_copy(command), *words[ACCEPTANCE_ARGUMENTS_MAX + 2];
    if (copy == NULL)
        return no_memory(o);
    size_t n = str_words(copy, words, ACCEPTANCE_ARGUMENTS_MAX + 1);
    enum err why = ERR_OK;
    if (n == 0)
        why = options_reject(o, "accept-command", "names no program");
    else if (n > ACCEPTANCE_ARGUMENTS_MAX)
        why =
            options_reject(o, "accept-command", "has more than %d words", ACCEPTANCE_ARGUMENTS_MAX);
    else if (strchr(words[0], '/') != NULL && access(words[0], X_OK) != 0)
        why = options_reject(o, "accept-command", "names a program that cannot be run: %s",
                             strerror(errno));
    free(copy);
    return why;
}

static enum err read_acceptance(struct options *o, struct device_config *out)
{
    const char *accept = options_get(o, "accept"), *command = options_get(o, "accept-command");
    out->accept_never = strcmp(accept, "never") == 0;
    if (!out->accept_never && strcmp(accept, "always") != 0)
        return options_reject(o, "accept", "is neither always nor never");
    if (command == NULL)
        return ERR_OK;
    enum err why = check_command(o, command);
    return why != ERR_OK ? why : options_copy(o, &out->accept_command, command);
}

enum err device_config_read(struct options *o, const struct identity *identity,
                            struct device_config *out)
{
    uint64_t most = 0;
    *out = (struct device_config){.directory = NULL};
    enum err why = read_name(o, out);
    if (why == ERR_OK)
        why = identity != NULL ? read_certificate_name(o, identity, out) : read_identity(o, out);
    if (why == ERR_OK)
        why = read_join_token(o, out);
    if (why == ERR_OK)
        why = check_first_start(o, out);
    if (why == ERR_OK)
        why = read_acceptance(o, out);
    if (why == ERR_OK)
        why = options_number(o, "max-tunnels", 1, DEVICE_LINK_TUNNELS_MAX, &most);
    out->max_tunnels = (size_t)most;
    return why;
}

void device_config_free(struct device_config *c)
{
    device_identity_wipe(&c->identity);
    secret_free(c->join_token);
    free(c->accept_command);
    free(c->directory);
    *c = (struct device_config){.directory = NULL};
}
