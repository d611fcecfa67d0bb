/* The HAL's milliseconds, counted in CPU cycles: its own way needs the system timer, which the
 * console uses. */
#include "self_test.h"
#include "stm32n6xx_hal.h"

HAL_StatusTypeDef HAL_InitTick(uint32_t priority) {
    (void)priority;
    return HAL_OK;
}

/* Right while it is asked more often than every 2^32 cycles, that is, inside of one wait. */
uint32_t HAL_GetTick(void) {
    static uint32_t milliseconds;
    static uint32_t counted; /* cycles that are in `milliseconds` already */
    const uint32_t per_millisecond = SystemCoreClock / 1000u;
    const uint32_t elapsed = (self_test_cycles() - counted) / per_millisecond;
    milliseconds += elapsed;
    counted += elapsed * per_millisecond;
    return milliseconds;
}
