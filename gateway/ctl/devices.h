/* tunnelctl devices: what each of its words does. Private to devices.c and its parts. */
#ifndef GATEWAY_CTL_DEVICES_H
#define GATEWAY_CTL_DEVICES_H

#include "gateway/ctl/ctl.h"

/* names: the operands behind the word. Each returns an exit code; an error has been printed. */
typedef int devices_run(struct ctl *c, char *const *names, size_t n);

extern devices_run devices_list, devices_show;                            /* devices_show.c */
extern devices_run devices_invite, devices_invitations, devices_uninvite; /* devices_invite.c */
extern devices_run devices_create, devices_keys;                          /* devices_keys.c */

/* The array of labels from texts KEY=VALUE, one after the other; NULL: a sentence for ctl_usage is
 * there (about the option), or there is no memory. */
cJSON *devices_labels(struct options *o, const char *option, const char *(*next)(void *ctx),
                      void *ctx);

/* Puts the labels of --labels into the input, if there are any; a sentence for ctl_usage may be
 * there then. */
cJSON *devices_put_labels(struct options *o, cJSON *input);

#endif
