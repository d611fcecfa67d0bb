#include "watchdog.h"

#include "board.h"
#include "npu_config.h"
#include "registers.h"
#include "stopwatch.h"

#include <stddef.h>

/* The longest that may pass without a feeding: an inference up to its time-out, or a front end. */
#define WATCHDOG_MS (NPU_TIMEOUT_MS + 2000u)
#define PRESCALER_256 6u
#define TICK_MS 8u /* 256 periods of 32 kHz */
#define RELOAD ((WATCHDOG_MS + TICK_MS - 1u) / TICK_MS)
#define UPDATE_MS 100u /* takes six ticks of the slowest prescaler */
_Static_assert(RELOAD <= IWDG_RLR_MAX, "the watchdog counts 12 bits");

static bool runs;

const char *watchdog_start(void) {
    IWDG_KR = IWDG_KR_START;
    IWDG_KR = IWDG_KR_UNLOCK;
    IWDG_PR = PRESCALER_256;
    IWDG_RLR = RELOAD;
    const uint32_t begin_ms = stopwatch_ms(BOARD_CPU_HZ / 1000u);
    while ((IWDG_SR & IWDG_SR_UPDATING) != 0u) {
        if (stopwatch_ms(BOARD_CPU_HZ / 1000u) - begin_ms > UPDATE_MS) {
            return "watchdog: its oscillator does not run";
        }
    }
    runs = true;
    watchdog_feed();
    return NULL;
}

void watchdog_feed(void) {
    if (runs) {
        IWDG_KR = IWDG_KR_FEED;
    }
}

void board_alive(void) {
    watchdog_feed();
}

bool watchdog_ended_last_run(void) {
    const bool ended = (RCC_RSR & RCC_RSR_IWDGRSTF) != 0u;
    RCC_RSR = RCC_RSR_RMVF;
    return ended;
}
