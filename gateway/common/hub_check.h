/* Options of both ends, and what these name beyond themselves: files, and the web proxy's URL. */
#ifndef GATEWAY_COMMON_HUB_CHECK_H
#define GATEWAY_COMMON_HUB_CHECK_H

#include "core/config/hub_config.h"
#include "core/config/program.h"
#include "core/tls/tls.h"

/* The authorities that the options trust. NULL with *why, and a sentence in text. */
struct trust *hub_check_trust(const struct hub_config *hub, enum err *why, char *text, size_t size);

/* The URL of the web proxy on the way to the hub, of the options or of the environment; NULL: none.
 */
const char *hub_check_web_proxy(const struct hub_config *hub);

/* For --check-config: whether the certificates to trust can be read, and the web proxy's URL, also
 * of the environment, is one. Else a sentence. Connects to nobody. */
enum err hub_check_options(const struct hub_config *hub, char *text, size_t size);

/* --memory-budget, in bytes: from 1 MiB to 64 GiB. */
enum err check_memory(struct options *o, size_t *out);

/* What --check-config of a program with one tunnel tells. Returns its exit code. */
int check_program(const struct program *p, const struct options *o, const struct hub_config *hub);

#endif
