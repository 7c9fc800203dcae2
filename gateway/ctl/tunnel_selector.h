/* Selects a tunnel by its id, the beginning of its id, its ARN, or thing:NAME. */
#ifndef GATEWAY_CTL_TUNNEL_SELECTOR_H
#define GATEWAY_CTL_TUNNEL_SELECTOR_H

#include "gateway/ctl/tunneling.h"

#define TUNNEL_ID_MAX 128
#define TUNNEL_ARN_MAX 1600
#define TUNNEL_ID_PREFIX 6 /* characters that a shortened id needs */

struct selected_tunnel {
    char id[TUNNEL_ID_MAX + 1];
    char arn[TUNNEL_ARN_MAX + 1]; /* "" unless it was asked for or is already known */
};

/* Whether text is 1 to 128 characters that ids may have. */
bool tunnel_selector_is_id(const char *text);

/* An id in the form of a UUID and an ARN are taken as they are; everything else is looked up with
 * ListTunnels: the beginning of an id among all tunnels, thing:NAME among the open ones of that
 * thing. With want_arn the ARN is asked for with DescribeTunnel if need be. On failure s->problem
 * is a sentence. */
enum outcome tunnel_selector_resolve(struct tunneling *s, const char *name, bool want_arn,
                                     struct selected_tunnel *out);

#endif
