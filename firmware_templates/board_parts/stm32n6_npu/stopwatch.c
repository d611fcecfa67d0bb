#include "stopwatch.h"

#include "registers.h"

#define LOOKING 10000u /* instructions that a running counter counts some of */

static stopwatch_source_t source;
static uint32_t timer_before;
static uint32_t timer_cycles;

/* The system timer counts down to zero and begins again at SYST_RVR. */
static uint32_t system_timer(void) {
    const uint32_t now = SYST_CVR;
    timer_cycles += timer_before >= now ? timer_before - now : timer_before + SYST_RVR + 1u - now;
    timer_before = now;
    return timer_cycles;
}

static uint32_t counter(void) {
    return source == STOPWATCH_CYCLE_COUNTER ? PMU_CCNTR : system_timer();
}

stopwatch_source_t stopwatch_init(void) {
    for (source = STOPWATCH_CYCLE_COUNTER; source != STOPWATCH_NONE; ++source) {
        const uint32_t begin = counter();
        for (uint32_t i = 0; i < LOOKING; ++i) {
            if (counter() != begin) {
                return source;
            }
        }
    }
    return source;
}

stopwatch_source_t stopwatch_source(void) {
    return source;
}

uint32_t stopwatch_ms(uint32_t cycles_per_ms) {
    static uint32_t milliseconds;
    static uint32_t counted; /* cycles that are in `milliseconds` already */
    const uint32_t elapsed = (counter() - counted) / cycles_per_ms;
    milliseconds += elapsed;
    counted += elapsed * cycles_per_ms;
    return milliseconds;
}
