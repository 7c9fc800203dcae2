/* tunnelctl tag, tunnelctl untag. */
#include "gateway/ctl/tag.h"

#include "core/base/text.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/tunnel_selector.h"

#include <stdlib.h>
#include <string.h>

#define OPERANDS_MAX 201 /* a tunnel, and as many tags as one can have */

bool tag_is(const char *text)
{
    return text[0] != '=' && strchr(text, '=') != NULL;
}

cJSON *tag_json(const char *text)
{
    struct span value = span_of(text);
    char *key = span_dup(span_cut(&value, '='));
    cJSON *tag =
        key == NULL ? NULL : ctl_json_put(cJSON_CreateObject(), "key", cJSON_CreateString(key));
    free(key);
    return tag == NULL ? NULL : ctl_json_put(tag, "value", cJSON_CreateString(value.p));
}

/* Resolves the tunnel, makes the rest of the input from the operands that follow it, and calls the
 * operation. */
static int change(struct ctl *c, const char *operation, const char *member,
                  cJSON *(*make)(const char *text), const char *done)
{
    char *const *operands;
    size_t n = options_operands(c->options, &operands);
    struct selected_tunnel tunnel;
    cJSON *items = cJSON_CreateArray(), *answer;
    int code = ctl_outcome(c, tunnel_selector_resolve(&c->api, operands[0], true, &tunnel));
    for (size_t i = 1; i < n; i++)
        items = ctl_json_push(items, make(operands[i]));
    if (code != CTL_OK) {
        cJSON_Delete(items);
        return code;
    }
    cJSON *input =
        ctl_json_put(cJSON_CreateObject(), "resourceArn", cJSON_CreateString(tunnel.arn));
    code = ctl_call(c, operation, ctl_json_put(input, member, items), &answer);
    if (code == CTL_OK && ctl_wants_json(c))
        code = ctl_print_json(answer);
    else if (code == CTL_OK)
        text_line(stdout, "%s %s", done, tunnel.id);
    cJSON_Delete(answer);
    return code;
}

static int tag(struct ctl *c)
{
    char *const *operands;
    size_t n = options_operands(c->options, &operands);
    char safe[80];
    if (n < 2) {
        options_fail(c->options, "which tunnel, and which tags? tunnelctl tag ID KEY=VALUE");
        return ctl_usage(c);
    }
    for (size_t i = 1; i < n; i++) {
        if (tag_is(operands[i]))
            continue;
        options_fail(c->options, "\"%s\" is not KEY=VALUE",
                     str_escape(span_of(operands[i]), safe, sizeof safe));
        return ctl_usage(c);
    }
    return change(c, "TagResource", "tags", tag_json, "tagged");
}

static int untag(struct ctl *c)
{
    char *const *operands;
    size_t n = options_operands(c->options, &operands);
    if (n < 2) {
        options_fail(c->options, "which tunnel, and which tags? tunnelctl untag ID KEY");
        return ctl_usage(c);
    }
    return change(c, "UntagResource", "tagKeys", cJSON_CreateString, "untagged");
}

static const struct option_group *const groups[] = {&ctl_options, &program_check_options,
                                                    &program_options, NULL};

const struct command command_tag = {
    .word = "tag",
    .summary = "set tags of a tunnel",
    .program = {.name = "tunnelctl tag",
                .summary = "Sets tags of a tunnel; those with other keys stay.",
                .usage = "  tunnelctl tag ID KEY=VALUE...\n",
                .max_operands = OPERANDS_MAX,
                .groups = groups},
    .run = tag,
};

const struct command command_untag = {
    .word = "untag",
    .summary = "take tags off a tunnel",
    .program = {.name = "tunnelctl untag",
                .summary = "Takes tags off a tunnel.",
                .usage = "  tunnelctl untag ID KEY...\n",
                .max_operands = OPERANDS_MAX,
                .groups = groups},
    .run = untag,
};
