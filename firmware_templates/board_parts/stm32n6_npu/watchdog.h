/* Ends a program that is stuck where it cannot see the time itself: in an epoch of the network that
 * runs on the CPU and never returns. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* Resets the chip when nothing feeds it for WATCHDOG_MS. Nothing but a reset stops it again.
 * NULL, or why it does not run. */
const char *watchdog_start(void);

void watchdog_feed(void);

/* Whether it ended the last run; forgets it. A loader may have forgotten it before. */
bool watchdog_ended_last_run(void);

#endif
