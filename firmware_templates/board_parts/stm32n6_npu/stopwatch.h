/* Milliseconds, from whichever counter runs: a wait that rests on one that stands still would never
 * end, and say nothing. */
#ifndef STOPWATCH_H
#define STOPWATCH_H

#include <stdint.h>

typedef enum {
    STOPWATCH_CYCLE_COUNTER, /* of the performance monitoring unit */
    STOPWATCH_SYSTEM_TIMER,  /* the cycle counter stands still */
    STOPWATCH_NONE,          /* so does the system timer */
} stopwatch_source_t;

/* Looks which counter runs, once, before anything waits. The system timer is on. */
stopwatch_source_t stopwatch_init(void);

/* What stopwatch_init() found. */
stopwatch_source_t stopwatch_source(void);

/* Since some moment, modulo 2^32. Right while it is asked more often than the counter comes round:
 * 2^32 cycles, or a millisecond of the system timer. Asked more seldom, it counts too little, so
 * that a wait takes longer. */
uint32_t stopwatch_ms(uint32_t cycles_per_ms);

#endif
