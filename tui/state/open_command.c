#include "tui/state/open_command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 253
#define LISTEN_MAX 107 /* of a unix socket's path */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* ---- what may become an argument ---- */

static bool consists_of(const char *text, const char *letters, size_t most)
{
    size_t n = strlen(text);
    return n > 0 && n <= most && strspn(text, letters) == n;
}

/* A host name in plain letters, which no program takes for an option. */
static bool is_host(const char *host)
{
    return consists_of(host, LETTERS DIGITS "-.", HOST_MAX) && host[0] != '-' && host[0] != '.';
}

/* "127.0.0.1:1080", "[::1]:1080", "localhost:1080" or a path: what `--gateway` takes, and nothing
 * that the shell of a ProxyCommand would not take literally. */
static bool is_listen(const char *listen)
{
    if (listen[0] == '/')
        return consists_of(listen, LETTERS DIGITS "/-._", LISTEN_MAX);
    return consists_of(listen, LETTERS DIGITS "-.:[]", LISTEN_MAX) && listen[0] != '-' &&
           strrchr(listen, ':') != NULL && (strchr(listen, '[') == NULL || listen[0] == '[');
}

/* ---- words ---- */

struct writer {
    struct open_command *out;
    size_t used;
};

static void add(struct writer *w, const char *word)
{
    struct open_command *o = w->out;
    size_t n = strlen(word) + 1;
    if (o->n == OPEN_WORDS || w->used + n > sizeof o->bytes)
        return; /* the limits above are smaller */
    o->words[o->n] = memcpy(o->bytes + w->used, word, n);
    o->words[++o->n] = NULL;
    w->used += n;
}

/* The words with blanks in between; those that a shell would not take literally in quotes. There
 * are no quotes in them. */
static void write_text(struct open_command *o)
{
    size_t n = 0;
    for (int i = 0; i < o->n && n < sizeof o->text; i++) {
        bool plain = consists_of(o->words[i], LETTERS DIGITS "-._:/=@", OPEN_TEXT);
        const char *quote = plain ? "" : "'";
        n += (size_t)snprintf(o->text + n, sizeof o->text - n, "%s%s%s%s", i > 0 ? " " : "", quote,
                              o->words[i], quote);
    }
}

static void refuse(struct open_command *out, const char *why)
{
    *out = (struct open_command){.how = OPEN_NOTHING};
    snprintf(out->text, sizeof out->text, "%s", why);
}

/* ---- commands ---- */

static void add_ssh(struct writer *w, const struct open_target *t)
{
    char proxy[64 + LISTEN_MAX];
    snprintf(proxy, sizeof proxy, "ProxyCommand=tunnel-gateway connect %s%s%s%%h %%p",
             t->listen[0] != '\0' ? "--gateway " : "", t->listen, t->listen[0] != '\0' ? " " : "");
    add(w, "ssh");
    add(w, "-o");
    add(w, proxy);
    add(w, "--");
    add(w, t->host);
}

static enum open_how write_ssh(struct writer *w, const struct open_target *t)
{
    if (t->here && t->in_tmux) {
        add(w, "tmux");
        add(w, "new-window");
        add(w, "-n");
        add(w, t->host);
    }
    add_ssh(w, t);
    return !t->here ? OPEN_PRINT : t->in_tmux ? OPEN_TMUX : OPEN_TERMINAL;
}

static enum open_how write_url(struct writer *w, const struct open_target *t, const char *scheme)
{
    char url[HOST_MAX + 16];
    snprintf(url, sizeof url, "%s://%s/", scheme, t->host);
    add(w, "xdg-open");
    add(w, url);
    return t->here && t->on_desktop ? OPEN_DESKTOP : OPEN_PRINT;
}

static enum open_how write_https(struct writer *w, const struct open_target *t)
{
    return write_url(w, t, "https");
}

static enum open_how write_http(struct writer *w, const struct open_target *t)
{
    return write_url(w, t, "http");
}

static enum open_how write_connect(struct writer *w, const struct open_target *t)
{
    add(w, "tunnel-gateway");
    add(w, "connect");
    if (t->listen[0] != '\0') {
        add(w, "--gateway");
        add(w, t->listen);
    }
    add(w, t->host);
    add(w, "80"); /* a port, which the gateway ignores in its names */
    return OPEN_PRINT;
}

void open_command_make(const struct open_target *t, struct open_command *out)
{
    static const struct {
        const char *begin; /* of the service's id */
        enum open_how (*write)(struct writer *w, const struct open_target *t);
    } kinds[] = {{"ssh", write_ssh},
                 {"sftp", write_ssh},
                 {"https", write_https},
                 {"http", write_http},
                 {"", write_connect}};
    struct writer w = {out, 0};
    size_t i = 0;
    *out = (struct open_command){.how = OPEN_NOTHING};
    if (t->host[0] == '\0') {
        refuse(out, "nothing here has a host name to be opened");
        return;
    }
    if (!is_host(t->host) || (t->listen[0] != '\0' && !is_listen(t->listen))) {
        refuse(out, "its name has other than plain letters, and is not put into a command");
        return;
    }
    while (strncasecmp(t->service, kinds[i].begin, strlen(kinds[i].begin)) != 0)
        i++;
    out->how = kinds[i].write(&w, t);
    write_text(out);
}

/* A label of a host name: lower case, with '-' for ':' and '_' (share/doc/names.md). */
static bool fold(const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    if (n == 0 || n >= size)
        return false;
    for (size_t i = 0; i <= n; i++)
        out[i] = (char)(name[i] >= 'A' && name[i] <= 'Z'   ? name[i] + 32
                        : name[i] == ':' || name[i] == '_' ? '-'
                                                           : name[i]);
    return consists_of(out, LETTERS DIGITS "-", size) && out[0] != '-';
}

bool open_device_host(const char *service, const char *device, char *out, size_t size)
{
    char first[64], second[64]; /* a label has 63 characters */
    if (!fold(service, first, sizeof first) || !fold(device, second, sizeof second))
        return false;
    int n = snprintf(out, size, "%s.%s.tunnel", first, second);
    return n > 0 && (size_t)n < size;
}
