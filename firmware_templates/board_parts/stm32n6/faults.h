/* The report of an exception nobody expected. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdint.h>

/* Prints which exception is active and why; the handler jumps here. `frame` is where the
 * interrupted code's registers were stacked. */
_Noreturn void fault_report(const uint32_t *frame);

#endif
