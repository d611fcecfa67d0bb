#include "board.h"

#include "registers.h"
#include "self_test.h"

#define BARRIER() __asm volatile("dsb\n\tisb" ::: "memory")

extern const uint32_t vectors_start;

/* Whatever the loader left: no interrupt may be enabled or pending (the boot ROM leaves both), nor
 * one of the core's own (a loader with a system timer or a scheduler leaves those), memory has to
 * be secure throughout, the default memory map in force, and faults of the past forgotten. */
static void init_exceptions(void) {
    SCB_VTOR = (uint32_t)&vectors_start;
    SYST_CSR = 0u;
    SCB_ICSR = SCB_ICSR_PENDSTCLR | SCB_ICSR_PENDSVCLR | SCB_ICSR_PENDNMICLR;
    for (uint32_t word = 0; word < (BOARD_INTERRUPTS + 31u) / 32u; ++word) {
        NVIC_ICER(word) = UINT32_MAX;
        NVIC_ICPR(word) = UINT32_MAX;
    }
    SAU_CTRL = 0u;
    MPU_CTRL = 0u;
    SCB_CFSR = SCB_CFSR; /* a one clears */
    SCB_HFSR = SCB_HFSR;
    SCB_SHCSR |= SCB_SHCSR_MEMFAULTENA | SCB_SHCSR_BUSFAULTENA | SCB_SHCSR_USGFAULTENA |
                 SCB_SHCSR_SECUREFAULTENA;
    BARRIER();
}

/* Everything on the 64 MHz HSI, undivided: slow, but it needs no oscillator, no PLL and no core
 * voltage above that of reset, whatever the loader had set. Prescalers go last, when the source is
 * slow already. */
static void init_clocks(void) {
    RCC_CR |= RCC_CR_HSION;
    while ((RCC_SR & RCC_SR_HSIRDY) == 0u) {
    }
    RCC_CFGR1 &= ~RCC_CFGR1_CPUSW;
    while ((RCC_CFGR1 & RCC_CFGR1_CPUSWS) != 0u) {
    }
    RCC_CFGR1 &= ~RCC_CFGR1_SYSSW;
    while ((RCC_CFGR1 & RCC_CFGR1_SYSSWS) != 0u) {
    }
    RCC_HSICFGR &= ~RCC_HSICFGR_HSIDIV;
    RCC_CFGR2 &=
        ~(RCC_CFGR2_HPRE | RCC_CFGR2_PPRE1 | RCC_CFGR2_PPRE2 | RCC_CFGR2_PPRE4 | RCC_CFGR2_PPRE5);
}

static void init_memory(void) {
    RCC_MEMENR |= RCC_MEMENR_AXISRAM1EN | RCC_MEMENR_AXISRAM2EN;
    RCC_AHB2ENR |= RCC_AHB2ENR_RAMCFGEN;
    (void)RCC_AHB2ENR; /* the clock runs when the write has arrived */
    RAMCFG_AXISRAM2CR &= ~RAMCFG_CR_SRAMSD;
    BARRIER();
}

/* Marks every line of the data cache invalid, set by set. Line of 32 bytes and at most 4 ways:
 * Cortex-M55 Technical Reference Manual, DCISW. */
static void invalidate_data_cache(void) {
    SCB_CSSELR = 0u; /* level 1, data */
    BARRIER();
    const uint32_t geometry = SCB_CCSIDR;
    const uint32_t last_set = (geometry >> 13) & 0x7FFFu;
    const uint32_t last_way = (geometry >> 3) & 0x3FFu;
    for (uint32_t set = 0; set <= last_set; ++set) {
        for (uint32_t way = 0; way <= last_way; ++way) {
            SCB_DCISW = (way << 30) | (set << 5);
        }
    }
    BARRIER();
}

/* The boot ROM leaves both caches powered off. A data cache that is on already may hold this
 * program. */
static void init_caches(void) {
    MEMSYSCTL_MSCR |= MEMSYSCTL_MSCR_ICACTIVE | MEMSYSCTL_MSCR_DCACTIVE;
    BARRIER();
    SCB_ICIALLU = 0u;
    if ((SCB_CCR & SCB_CCR_DC) == 0u) {
        invalidate_data_cache();
    }
    SCB_CCR |= SCB_CCR_IC | SCB_CCR_DC | SCB_CCR_BP | SCB_CCR_LOB;
    BARRIER();
}

/* The PMU's counter, since the DWT's was found dead on this chip. */
static void init_cycle_counter(void) {
    DCB_DEMCR |= DCB_DEMCR_TRCENA;
    PMU_CNTENSET = PMU_CNTENSET_C;
    PMU_CTRL = PMU_CTRL_E | PMU_CTRL_C;
    BARRIER();
}

uint32_t self_test_cycles(void) {
    return PMU_CCNTR;
}

__attribute__((weak)) void board_alive(void) {
}

__attribute__((weak)) void board_diagnose(void) {
}

void board_init(void) {
    init_exceptions();
    init_clocks();
    board_console_init();
    init_memory();
    init_caches();
    init_cycle_counter();
    __asm volatile("cpsie i" ::: "memory");
}
