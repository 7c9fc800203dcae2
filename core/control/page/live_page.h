/* The page for browsers: what tunnel-tui shows, to be read and nothing else (share/doc/gateway.md,
 * "The page"). It is whole as it comes, with links that sort and turn pages, and reloads itself
 * where there is no script; with script it asks for its middle part once a second while somebody
 * looks. Nothing is kept between two requests. Pure.
 *
 * Who may see it is decided in three steps. The caller answers only under a name that is the
 * program's own, against DNS rebinding. live_page_shows: clients on this machine, and of these the
 * program's user and root, unless --page says otherwise. What other pages of their browser may do
 * is decided with the answer: they may lead to the page by a link, and neither read nor frame it.
 */
#ifndef CORE_CONTROL_PAGE_LIVE_PAGE_H
#define CORE_CONTROL_PAGE_LIVE_PAGE_H

#include "core/base/buf.h"
#include "core/config/options.h"
#include "core/control/admin_server.h"
#include "core/control/monitor.h"
#include "core/http/http.h"
#include "core/http/response.h"

#define LIVE_PAGE_MAX 1048576 /* bytes of one answer */

/* --page own|all|off; own if nothing is said. */
extern const struct option_group live_page_options;
/* Checks the option's value; ERR_USAGE: a sentence is in options_problem. */
enum err live_page_check(struct options *o);

struct live_page_client {
    bool local; /* it is on this machine */
    bool ours;  /* and of the program's user, or root (peer_is_ours) */
    bool known; /* it has given the password that the program asks for */
};
bool live_page_shows(const struct options *o, const struct live_page_client *c);

/* Whether the path is that of the page, or of a part of it. */
bool live_page_has(struct span path);

/* Answers a GET or HEAD for such a path. query: the target's part after '?'. The body is static or
 * in *memory, which is empty before and whose limit should be LIVE_PAGE_MAX. */
void live_page_answer(struct monitor *m, const struct http_head *head, struct span path,
                      struct span query, struct buf *memory, struct http_response *out);

/* The same for an operations listener: pages whose owner is a struct control. */
#define LIVE_PAGES 4
extern const struct admin_page live_pages[LIVE_PAGES];

#endif
