/* tunnelctl devices. */
#include "gateway/ctl/devices.h"

#include "core/base/nearest.h"
#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define OPERANDS_MAX 1000

static const struct option list_table[] = {
    {.name = "label",
     .argument = "KEY=VALUE",
     .help = "Only devices with this label. May be repeated.",
     .flags = OPTION_MANY},
    {.name = "away", .help = "Only those that are not there."},
    {.name = "present", .help = "Only those that are there."},
};
static const struct option invite_table[] = {
    {.name = "names",
     .argument = "PATTERN[,PATTERN...]",
     .help = "Which names may enrol: * stands for any characters, ? for one."},
    {.name = "labels",
     .argument = "KEY=VALUE[,...]",
     .help = "What its devices get; also of create."},
    {.name = "uses", .argument = "NUMBER", .help = "How many devices may enrol.", .fallback = "1"},
    {.name = "lifetime",
     .argument = "TIME",
     .help = "Until when, such as 90m, 24h or 7d.",
     .fallback = "24h"},
    {.name = "approve", .help = "Its devices wait until \"devices approve\"."},
    {.name = "token-file",
     .argument = "FILE",
     .help = "Put the join token there (mode 0600) instead of on the screen."},
};
static const struct option label_table[] = {
    {.name = "remove-label",
     .argument = "KEY",
     .help = "Take this label off. May be repeated.",
     .flags = OPTION_MANY},
};
static const struct option create_table[] = {
    {.name = "azure-id",
     .argument = "ID",
     .help = "What Azure's SDKs call it: DEVICE, or DEVICE/MODULE. Default: its name."},
    {.name = "keys-file",
     .argument = "FILE",
     .help = "The keys that it has already, in base64: the primary one, and in the next line the "
             "secondary one. Default: new ones."},
    {.name = "rotate",
     .argument = "primary|secondary|both",
     .help = "Which key to replace; a device without keys gets both."},
};
static const struct option_group create_group = OPTION_GROUP("Symmetric keys", create_table);
static const struct option_group list_group = OPTION_GROUP("List", list_table);
static const struct option_group invite_group = OPTION_GROUP("Invite", invite_table);
static const struct option_group label_group = OPTION_GROUP("Label", label_table);

/* ---- devices that are changed ---- */

static cJSON *input_for(const char *name)
{
    return ctl_json_put(cJSON_CreateObject(), "device", cJSON_CreateString(name));
}

/* Takes the input over. Prints what was done, or the answer. */
static int change(struct ctl *c, const char *operation, cJSON *input, const char *done,
                  const char *name)
{
    cJSON *answer;
    char safe[200];
    int code = ctl_call(c, operation, input, &answer);
    if (code == CTL_OK && ctl_wants_json(c))
        code = ctl_print_json(answer);
    else if (code == CTL_OK)
        text_line(stdout, "%s %s", done, str_escape(span_of(name), safe, sizeof safe));
    cJSON_Delete(answer);
    return code;
}

/* Goes on with the others when one fails; the first failure counts. */
static int set_state(struct ctl *c, char *const *names, size_t n, const char *state,
                     const char *done)
{
    int code = CTL_OK;
    for (size_t i = 0; i < n; i++) {
        int one = change(c, "TunnelHub.UpdateDevice",
                         ctl_json_put(input_for(names[i]), "state", cJSON_CreateString(state)),
                         done, names[i]);
        code = code == CTL_OK ? one : code;
    }
    return code;
}

static int change_all(struct ctl *c, const char *operation, char *const *names, size_t n,
                      const char *done)
{
    int code = CTL_OK;
    for (size_t i = 0; i < n; i++) {
        int one = change(c, operation, input_for(names[i]), done, names[i]);
        code = code == CTL_OK ? one : code;
    }
    return code;
}

static int approve(struct ctl *c, char *const *names, size_t n)
{
    return set_state(c, names, n, "ENABLED", "approved");
}

static int enable(struct ctl *c, char *const *names, size_t n)
{
    return set_state(c, names, n, "ENABLED", "enabled");
}

static int disable(struct ctl *c, char *const *names, size_t n)
{
    return set_state(c, names, n, "DISABLED", "disabled");
}

static int reset(struct ctl *c, char *const *names, size_t n)
{
    return change_all(c, "TunnelHub.ResetDevice", names, n, "reset");
}

static int remove_devices(struct ctl *c, char *const *names, size_t n)
{
    return change_all(c, "TunnelHub.DeleteDevice", names, n, "removed");
}

/* ---- labels ---- */

struct operands {
    char *const *at;
    size_t n;
};

static const char *next_operand(void *ctx)
{
    struct operands *o = ctx;
    return o->n > 0 ? (o->n--, *o->at++) : NULL;
}

static cJSON *removed_labels(const struct options *o)
{
    cJSON *keys = cJSON_CreateArray();
    const char *key;
    for (size_t i = 0; (key = options_each(o, "remove-label", i)) != NULL; i++)
        keys = ctl_json_push(keys, cJSON_CreateString(key));
    return keys;
}

static int label(struct ctl *c, char *const *operands, size_t n)
{
    struct operands rest = {operands + 1, n - 1};
    bool removes = options_each(c->options, "remove-label", 0) != NULL;
    cJSON *input = input_for(operands[0]);
    if (n == 1 && !removes) {
        options_fail(c->options,
                     "which labels? tunnelctl devices label NAME KEY=VALUE, or --remove-label KEY");
        cJSON_Delete(input);
        return ctl_usage(c);
    }
    if (n > 1)
        input =
            ctl_json_put(input, "labels", devices_labels(c->options, NULL, next_operand, &rest));
    if (options_problem(c->options)[0] != '\0') {
        cJSON_Delete(input);
        return ctl_usage(c);
    }
    if (removes)
        input = ctl_json_put(input, "removeLabels", removed_labels(c->options));
    return change(c, "TunnelHub.UpdateDevice", input, "labelled", operands[0]);
}

/* ---- words ---- */

static const struct {
    const char *word;
    devices_run *run;
    size_t least, most; /* operands */
    const char *wants;  /* what the operands are, for the error; NULL: there are none */
} words[] = {
    {"list", devices_list, 0, 0, NULL},
    {"show", devices_show, 1, 1, "NAME"},
    {"invite", devices_invite, 0, 0, NULL},
    {"invitations", devices_invitations, 0, 0, NULL},
    {"uninvite", devices_uninvite, 1, OPERANDS_MAX, "ID..."},
    {"create", devices_create, 1, 1, "NAME"},
    {"keys", devices_keys, 1, 1, "NAME"},
    {"approve", approve, 1, OPERANDS_MAX, "NAME..."},
    {"enable", enable, 1, OPERANDS_MAX, "NAME..."},
    {"disable", disable, 1, OPERANDS_MAX, "NAME..."},
    {"label", label, 1, OPERANDS_MAX, "NAME KEY=VALUE..."},
    {"reset", reset, 1, OPERANDS_MAX, "NAME..."},
    {"remove", remove_devices, 1, OPERANDS_MAX, "NAME..."},
};
#define WORDS                                                                                      \
    "list|show|invite|invitations|uninvite|create|keys|approve|enable|disable|label|reset|remove"
enum { N_WORDS = sizeof words / sizeof *words };

static int no_such_word(struct ctl *c, const char *word)
{
    char advice[80], safe[80];
    struct nearest near = nearest_to(span_of(word));
    for (size_t i = 0; i < N_WORDS; i++)
        nearest_try(&near, words[i].word);
    options_fail(c->options, "there is no \"devices %s\"%s",
                 str_escape(span_of(word), safe, sizeof safe),
                 nearest_advice(&near, "", advice, sizeof advice));
    return ctl_usage(c);
}

/* Which words an option is for, with blanks between them. */
static const struct {
    const char *option, *words;
} takers[] = {
    {"label", "list"},         {"away", "list"},         {"present", "list"},
    {"names", "invite"},       {"uses", "invite"},       {"lifetime", "invite"},
    {"approve", "invite"},     {"token-file", "invite"}, {"labels", "invite create"},
    {"azure-id", "create"},    {"keys-file", "create"},  {"rotate", "keys"},
    {"remove-label", "label"},
};

static bool is_among(const char *list, const char *word)
{
    struct span rest = span_of(list);
    while (rest.n > 0)
        if (span_is(span_cut(&rest, ' '), word))
            return true;
    return false;
}

/* An option that would be passed over could be meant to choose devices. */
static bool takes_options(struct options *o, const char *word)
{
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++) {
        const char *option = takers[i].option, *blank = strchr(takers[i].words, ' ');
        if (options_source(o, option) != OPTION_ARGV || is_among(takers[i].words, word))
            continue;
        options_fail(o, "--%s is not for \"devices %s\", but for \"devices %.*s\"%s%s%s", option,
                     word, (int)strcspn(takers[i].words, " "), takers[i].words,
                     blank != NULL ? " and \"devices " : "", blank != NULL ? blank + 1 : "",
                     blank != NULL ? "\"" : "");
        return false;
    }
    return true;
}

static int devices(struct ctl *c)
{
    char *const *operands;
    size_t n = options_operands(c->options, &operands), i = 0;
    const char *word = n > 0 ? operands[0] : "list";
    while (i < N_WORDS && strcmp(words[i].word, word) != 0)
        i++;
    if (i == N_WORDS)
        return no_such_word(c, word);
    if (!takes_options(c->options, word))
        return ctl_usage(c);
    size_t rest = n > 0 ? n - 1 : 0;
    if (rest >= words[i].least && rest <= words[i].most)
        return words[i].run(c, operands + 1, rest);
    if (words[i].wants != NULL)
        options_fail(c->options, "say which: tunnelctl devices %s %s", word, words[i].wants);
    else
        options_fail(c->options, "\"devices %s\" takes no names", word);
    return ctl_usage(c);
}

static const struct option_group *const groups[] = {
    &list_group,  &invite_group,          &create_group,    &label_group,
    &ctl_options, &program_check_options, &program_options, NULL};

const struct command command_devices = {
    .word = "devices",
    .summary = "show, invite, approve, disable and remove devices",
    .program = {.name = "tunnelctl devices",
                .summary = "Shows the devices of a hub, lets new ones enrol, and changes them.",
                .usage = "  tunnelctl devices [list] [--label KEY=VALUE]... [--away|--present]\n"
                         "  tunnelctl devices show NAME\n"
                         "  tunnelctl devices invite --names PATTERN [--labels KEY=VALUE] "
                         "[--uses N]\n"
                         "            [--lifetime TIME] [--approve] [--token-file FILE]\n"
                         "  tunnelctl devices invitations\n"
                         "  tunnelctl devices uninvite ID...\n"
                         "  tunnelctl devices create NAME [--azure-id ID] [--labels KEY=VALUE] "
                         "[--keys-file FILE]\n"
                         "  tunnelctl devices keys NAME [--rotate primary|secondary|both]\n"
                         "  tunnelctl devices approve|enable|disable|reset|remove NAME...\n"
                         "  tunnelctl devices label NAME [KEY=VALUE]... [--remove-label KEY]...\n",
                .examples = "  tunnelctl devices invite --names 'plant7-*' --labels site=7 --uses "
                            "500\n"
                            "  tunnelctl devices --label site=7 --away\n",
                .max_operands = OPERANDS_MAX,
                .operands = WORDS,
                .groups = groups},
    .run = devices,
};
