/* The fastest clocks that need neither a higher core voltage nor a crystal. */
#include "board.h"
#include "platform.h"
#include "stm32n6xx_hal.h"

#include <stddef.h>

/* PLL1 800 MHz for buses, NPU and memories, PLL2 600 MHz for the CPU, both from the 64 MHz HSI. */
#define PLL1_HZ (64000000u / 2u * 25u)
#define PLL2_HZ (64000000u / 8u * 75u)
_Static_assert(BOARD_CPU_HZ == PLL2_HZ, "the CPU runs at PLL2");

/* 50 MHz for the external memories: without burnt fuses their pins are not made for 200 MHz. */
#define NOR_CLOCK_DIVIDER 16u
#define RAM_CLOCK_DIVIDER 16u

static HAL_StatusTypeDef start_plls(void) {
    RCC_OscInitTypeDef oscillators = {
        .OscillatorType = RCC_OSCILLATORTYPE_HSI,
        .HSIState = RCC_HSI_ON,
        .HSIDiv = RCC_HSI_DIV1,
        .HSICalibrationValue = RCC_HSICALIBRATION_DEFAULT,
        .PLL1 = {.PLLState = RCC_PLL_ON,
                 .PLLSource = RCC_PLLSOURCE_HSI,
                 .PLLM = 2,
                 .PLLN = 25,
                 .PLLP1 = 1,
                 .PLLP2 = 1},
        .PLL2 = {.PLLState = RCC_PLL_ON,
                 .PLLSource = RCC_PLLSOURCE_HSI,
                 .PLLM = 8,
                 .PLLN = 75,
                 .PLLP1 = 1,
                 .PLLP2 = 1},
        .PLL3 = {.PLLState = RCC_PLL_OFF},
        .PLL4 = {.PLLState = RCC_PLL_OFF},
    };
    return HAL_RCC_OscConfig(&oscillators);
}

/* Dividers of the peripheral buses other than 1 were found unstable. */
static HAL_StatusTypeDef select_system_clocks(void) {
    RCC_ClkInitTypeDef clocks = {
        .ClockType = RCC_CLOCKTYPE_CPUCLK | RCC_CLOCKTYPE_SYSCLK | RCC_CLOCKTYPE_HCLK |
                     RCC_CLOCKTYPE_PCLK1 | RCC_CLOCKTYPE_PCLK2 | RCC_CLOCKTYPE_PCLK4 |
                     RCC_CLOCKTYPE_PCLK5,
        .CPUCLKSource = RCC_CPUCLKSOURCE_IC1,
        .IC1Selection = {.ClockSelection = RCC_ICCLKSOURCE_PLL2, .ClockDivider = 1},
        .SYSCLKSource = RCC_SYSCLKSOURCE_IC2_IC6_IC11,
        .IC2Selection = {.ClockSelection = RCC_ICCLKSOURCE_PLL1, .ClockDivider = 2},
        .IC6Selection = {.ClockSelection = RCC_ICCLKSOURCE_PLL1, .ClockDivider = 1},
        .IC11Selection = {.ClockSelection = RCC_ICCLKSOURCE_PLL1, .ClockDivider = 1},
        .AHBCLKDivider = RCC_HCLK_DIV4,
        .APB1CLKDivider = RCC_APB1_DIV1,
        .APB2CLKDivider = RCC_APB2_DIV1,
        .APB4CLKDivider = RCC_APB4_DIV1,
        .APB5CLKDivider = RCC_APB5_DIV1,
    };
    return HAL_RCC_ClockConfig(&clocks);
}

static HAL_StatusTypeDef select_memory_clocks(void) {
    RCC_PeriphCLKInitTypeDef clocks = {
        .PeriphClockSelection = RCC_PERIPHCLK_XSPI1 | RCC_PERIPHCLK_XSPI2,
        .Xspi1ClockSelection = RCC_XSPI1CLKSOURCE_IC4,
        .Xspi2ClockSelection = RCC_XSPI2CLKSOURCE_IC3,
        .ICSelection = {[RCC_IC3] = {.ClockSelection = RCC_ICCLKSOURCE_PLL1,
                                     .ClockDivider = NOR_CLOCK_DIVIDER},
                        [RCC_IC4] = {.ClockSelection = RCC_ICCLKSOURCE_PLL1,
                                     .ClockDivider = RAM_CLOCK_DIVIDER}},
    };
    return HAL_RCCEx_PeriphCLKConfig(&clocks);
}

/* board_init() left CPU and buses on the HSI, so that the PLLs may be stopped and set anew. */
const char *clocks_init(void) {
    if (start_plls() != HAL_OK) {
        return "PLLs";
    }
    if (select_system_clocks() != HAL_OK) {
        return "system clocks";
    }
    return select_memory_clocks() == HAL_OK ? NULL : "clocks of the external memories";
}
