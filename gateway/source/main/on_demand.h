/* The devices of a running gateway (devices.h) with the client of the control API that they need,
 * by the configuration. */
#ifndef GATEWAY_SOURCE_MAIN_ON_DEMAND_H
#define GATEWAY_SOURCE_MAIN_ON_DEMAND_H

#include "gateway/source/devices.h"
#include "gateway/source/main/config_devices.h"

struct on_demand;

/* c must live until on_demand_change or the end; tunnels and forwards as in struct devices_options.
 * NULL: the reason is in text. */
struct on_demand *on_demand_new(struct loop *loop, const struct config_devices *c,
                                struct tunnels *tunnels, struct forwards *forwards, char *text,
                                size_t size);
/* Goes on with a fresh configuration; key and certificates are read again. An error leaves a
 * sentence in text: then nothing is changed, but that c is the one in use. */
enum err on_demand_change(struct on_demand *d, const struct config_devices *c, char *text,
                          size_t size);
void on_demand_leave(struct on_demand *d); /* as devices_leave; NULL is fine */
void on_demand_free(struct on_demand *d);  /* as devices_free */

struct devices *on_demand_devices(struct on_demand *d);
const struct devices_api *on_demand_api(const struct on_demand *d);
/* Why the hub was not reached last time; "": it was. */
const char *on_demand_problem(const struct on_demand *d);

#endif
