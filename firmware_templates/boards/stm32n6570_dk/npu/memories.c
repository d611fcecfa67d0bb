/* The memories that the network uses: on the chip, the flash with its weights, the external RAM. */
#include "platform.h"
#include "stm32n6570_discovery.h"
#include "stm32n6570_discovery_xspi.h"
#include "stm32n6xx_hal.h"

#include <stddef.h>

#define INSTANCE 0u

/* The boot ROM leaves the NPU's RAMs without clock and shut down. */
void memories_power_on(void) {
    static RAMCFG_TypeDef *const rams[] = {RAMCFG_SRAM2_AXI, RAMCFG_SRAM3_AXI, RAMCFG_SRAM4_AXI,
                                           RAMCFG_SRAM5_AXI, RAMCFG_SRAM6_AXI};
    __HAL_RCC_AXISRAM2_MEM_CLK_ENABLE();
    __HAL_RCC_AXISRAM3_MEM_CLK_ENABLE();
    __HAL_RCC_AXISRAM4_MEM_CLK_ENABLE();
    __HAL_RCC_AXISRAM5_MEM_CLK_ENABLE();
    __HAL_RCC_AXISRAM6_MEM_CLK_ENABLE();
    __HAL_RCC_RAMCFG_CLK_ENABLE();
    for (size_t i = 0; i < sizeof rams / sizeof rams[0]; ++i) {
        const RAMCFG_HandleTypeDef ram = {.Instance = rams[i]};
        HAL_RAMCFG_EnableAXISRAM(&ram);
    }
}

/* Without prefetch, as ST's applications set it right after this. */
const char *flash_init(void) {
    BSP_XSPI_NOR_Init_t octal = {
        .InterfaceMode = BSP_XSPI_NOR_OPI_MODE,
        .TransferRate = BSP_XSPI_NOR_DTR_TRANSFER,
    };
    if (BSP_XSPI_NOR_Init(INSTANCE, &octal) != BSP_ERROR_NONE) {
        return "flash";
    }
    if (BSP_XSPI_NOR_EnableMemoryMappedMode(INSTANCE) != BSP_ERROR_NONE) {
        return "flash, memory-mapped";
    }
    MODIFY_REG(XSPI2->CR, XSPI_CR_NOPREF, HAL_XSPI_AUTOMATIC_PREFETCH_DISABLE);
    return NULL;
}

const char *external_ram_init(void) {
    if (BSP_XSPI_RAM_Init(INSTANCE) != BSP_ERROR_NONE) {
        return "external RAM";
    }
    if (BSP_XSPI_RAM_EnableMemoryMappedMode(INSTANCE) != BSP_ERROR_NONE) {
        return "external RAM, memory-mapped";
    }
    MODIFY_REG(XSPI1->CR, XSPI_CR_NOPREF, HAL_XSPI_AUTOMATIC_PREFETCH_DISABLE);
    return NULL;
}
