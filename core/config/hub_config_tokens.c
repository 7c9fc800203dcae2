#include "core/base/encoding.h"
#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/config/hub_config_internal.h"
#include "core/config/token_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MISSING "the option '--access-token' is required but missing: "

enum { TOKEN_FILE_MAX = 16384 };

static const char client_token_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

static bool has_control(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        if (*p < 32 || *p == 127)
            return true;
    return false;
}

/* When a token is on the command line and a file in the configuration (or the other way round), the
 * higher source counts; on one level the choice would be a guess. */
static enum err which_token(struct options *o, bool *file)
{
    char here[160];
    *file = options_get(o, "token-file") != NULL;
    if (!*file || options_get(o, "access-token") == NULL)
        return ERR_OK;
    if (options_source(o, "token-file") == options_source(o, "access-token"))
        return options_fail(o,
                            "--access-token and --token-file are both given %s: give one of them",
                            options_where(o, "token-file", here, sizeof here));
    *file = options_source(o, "token-file") > options_source(o, "access-token");
    return ERR_OK;
}

static void warn_if_readable(const char *path)
{
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_mode & (S_IRGRP | S_IROTH)) != 0)
        log_warning("%s can be read by others: chmod 600 %s", path, path);
}

static enum err read_token_file(struct options *o, char **token)
{
    const char *path = options_get(o, "token-file");
    char problem[400];
    struct span text;
    enum err why = file_read(path, TOKEN_FILE_MAX, &text, problem, sizeof problem);
    if (why != ERR_OK) {
        options_fail(o, "--token-file: %s", problem);
        return why;
    }
    warn_if_readable(path);
    const char *wrong = token_text(text, token);
    if (wrong != NULL)
        why = options_fail(o, "--token-file: %s %s", path, wrong);
    file_wipe(&text);
    return why;
}

/* A value has one line; with several lines (empty ones aside) it is unknown which one is meant. */
static bool has_lines(const char *value)
{
    const char *first = value + strspn(value, " \t\r\n");
    const char *feed = strchr(first, '\n');
    return feed != NULL && feed[strspn(feed, " \t\r\n")] != '\0';
}

static enum err read_token(struct options *o, char **token)
{
    const char *given = options_get(o, "access-token");
    if (given != NULL && has_lines(given))
        return options_reject(o, "access-token",
                              "has several lines: is something else pasted with it?");
    const char *wrong = given != NULL ? token_text(span_of(given), token) : NULL;
    return wrong == NULL ? ERR_OK : options_reject(o, "access-token", "%s", wrong);
}

enum err hub_access_token(struct options *o, const struct hub_rules *rules, struct hub_config *out)
{
    bool file;
    enum err why = which_token(o, &file);
    if (why != ERR_OK)
        return why;
    why = file ? read_token_file(o, &out->access_token) : read_token(o, &out->access_token);
    if (why != ERR_OK)
        return why;
    const char *token = out->access_token, *name = file ? "token-file" : "access-token";
    if (token == NULL)
        return options_fail(o,
                            "%sgive the tunnel's access token: --token-file FILE, or the "
                            "environment variable AWSIOT_TUNNEL_ACCESS_TOKEN%s",
                            rules->reference ? MISSING : "",
                            rules->otherwise != NULL ? rules->otherwise : "");
    if (strlen(token) > ACCESS_TOKEN_MAX)
        return options_reject(o, name, "is too long: an access token has at most %d characters",
                              ACCESS_TOKEN_MAX);
    if (has_control(token))
        return options_reject(o, name,
                              "has a control character in it: is something else pasted with it?");
    if (!file && options_source(o, "access-token") == OPTION_ARGV)
        log_warning("The access token was given on the command line, where histories keep it: "
                    "better use AWSIOT_TUNNEL_ACCESS_TOKEN or a file");
    return ERR_OK;
}

/* Gets a value that differs between machines, so that a stolen token file alone is not enough. */
static void machine_id(char *out, size_t size)
{
    char problem[400];
    struct span text;
    out[0] = '\0';
    if (file_read("/etc/machine-id", size - 1, &text, problem, sizeof problem) == ERR_OK) {
        snprintf(out, size, "%.*s", (int)text.n, text.p);
        file_wipe(&text);
    }
    if (out[0] == '\0')
        gethostname(out, size - 1);
}

/* Makes the same client token each time this token is used on this machine: a program that crashed
 * or was restarted may go on with its single-use token, programs elsewhere may not. */
static enum err make_client_token(const char *access_token, char **token)
{
    uint8_t mac[HASH_SHA256_SIZE];
    char machine[128] = "";
    struct hmac hmac;
    *token = malloc(2 * sizeof mac + 1);
    if (*token == NULL)
        return ERR_NO_MEMORY;
    machine_id(machine, sizeof machine);
    hmac_begin(&hmac, access_token, strlen(access_token));
    hmac_add(&hmac, "tunnel client token ", 20);
    hmac_add(&hmac, machine, strlen(machine));
    hmac_end(&hmac, mac);
    hex_encode(mac, sizeof mac, *token);
    return ERR_OK;
}

enum err hub_config_set_token(struct hub_config *c, const char *access_token)
{
    c->access_token = strdup(access_token);
    return c->access_token != NULL ? make_client_token(access_token, &c->client_token)
                                   : ERR_NO_MEMORY;
}

enum err hub_client_token(struct options *o, const struct hub_rules *rules, struct hub_config *out)
{
    const char *token = options_get(o, "client-token");
    if (token == NULL && !rules->make_client_token)
        return ERR_OK;
    if (token == NULL)
        return make_client_token(out->access_token, &out->client_token) == ERR_OK
                   ? ERR_OK
                   : options_fail(o, "out of memory");
    size_t n = strlen(token);
    if (n < CLIENT_TOKEN_MIN || n > CLIENT_TOKEN_MAX)
        return options_reject(o, "client-token", "has %zu characters, but must have %d to %d", n,
                              CLIENT_TOKEN_MIN, CLIENT_TOKEN_MAX);
    if (has_control(token))
        return options_reject(o, "client-token", "has a control character in it");
    if (token[strspn(token, client_token_characters)] != '\0')
        log_warning("The client token has characters other than letters, digits and '-': the hub "
                    "may refuse it");
    return options_copy(o, &out->client_token, token);
}
