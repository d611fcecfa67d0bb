/* The HAL's milliseconds: its own way needs the system timer's interrupt, which the console has. */
#include "stm32n6xx_hal.h"
#include "stopwatch.h"

HAL_StatusTypeDef HAL_InitTick(uint32_t priority) {
    (void)priority;
    return HAL_OK;
}

uint32_t HAL_GetTick(void) {
    return stopwatch_ms(SystemCoreClock / 1000u);
}
