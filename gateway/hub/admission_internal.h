/* Private to the main thread's part in the life of a tunnel's end: admission.c lets it in or
 * refuses it, admission_ends.c moves it to its worker and sees it gone, admission_notes.c tells
 * logs and watchers. What the hub's other parts call is in hub_internal.h. */
#ifndef GATEWAY_HUB_ADMISSION_INTERNAL_H
#define GATEWAY_HUB_ADMISSION_INTERNAL_H

#include "gateway/hub/hub_internal.h"

/* ---- admission_notes.c ---- */

/* Names a tunnel in the log: "36bbe34e (plant7)", or the id when it has no thing. */
#define ADMISSION_LABEL_MAX 160
void admission_label(const struct tunnel_record *r, char out[ADMISSION_LABEL_MAX]);

/* A client that is not admitted. */
struct admission_refusal {
    const char *client, *channel;
    enum side side; /* SIDE_COUNT when it is unknown */
    int status;
    enum err why;
    const char *text;
    const struct tunnel_record *tunnel; /* or NULL when it is unknown */
};

void admission_note_refused(struct hub *hub, const struct admission_refusal *r);
void admission_note_connected(struct hub *hub, const struct registration *registration,
                              const struct tunnel_record *t);
void admission_note_disconnected(struct hub *hub, const struct end_report *d);

/* ---- admission_ends.c ---- */

/* Frees a presence whose last registration has come back, or whose first one was never made. */
void admission_drop_empty(struct presence *p);

#endif
