/* The registers this board's code touches, and no others.
 *
 * Addresses are the secure aliases: the boot ROM starts every program secure and privileged. Names
 * are those of the STM32N6 reference manual RM0486 and of the Armv8-M Architecture Reference Manual
 * (DDI 0553). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#ifndef REGISTER /* else where there are none */
#define REGISTER(address) (*(volatile uint32_t *)(address))
#endif

/* Reset and clock control */
#define RCC_BASE 0x56028000u
#define RCC_CR REGISTER(RCC_BASE + 0x000u)
#define RCC_CR_HSION (1u << 3)
#define RCC_SR REGISTER(RCC_BASE + 0x004u)
#define RCC_SR_HSIRDY (1u << 3)
#define RCC_CFGR1 REGISTER(RCC_BASE + 0x020u)
#define RCC_CFGR1_CPUSW (3u << 16) /* 0: HSI */
#define RCC_CFGR1_CPUSWS (3u << 20)
#define RCC_CFGR1_SYSSW (3u << 24) /* 0: HSI */
#define RCC_CFGR1_SYSSWS (3u << 28)
#define RCC_CFGR2 REGISTER(RCC_BASE + 0x024u) /* prescalers as powers of two */
#define RCC_CFGR2_PPRE1 (7u << 0)
#define RCC_CFGR2_PPRE2 (7u << 4)
#define RCC_CFGR2_PPRE4 (7u << 12)
#define RCC_CFGR2_PPRE5 (7u << 16)
#define RCC_CFGR2_HPRE (7u << 20)
#define RCC_RSR REGISTER(RCC_BASE + 0x034u) /* why the last reset came */
#define RCC_RSR_RMVF (1u << 16)             /* forgets it */
#define RCC_RSR_IWDGRSTF (1u << 26)
#define RCC_HSICFGR REGISTER(RCC_BASE + 0x048u)
#define RCC_HSICFGR_HSIDIV (3u << 7) /* 0: undivided */
#define RCC_CCIPR13 REGISTER(RCC_BASE + 0x174u)
#define RCC_CCIPR13_USART1SEL (7u << 0)
#define RCC_CCIPR13_USART1SEL_HSI (6u << 0)
#define RCC_APB2RSTR REGISTER(RCC_BASE + 0x22Cu)
#define RCC_APB2RSTR_USART1RST (1u << 4)
#define RCC_MEMENR REGISTER(RCC_BASE + 0x24Cu)
#define RCC_MEMENR_AXISRAM1EN (1u << 7)
#define RCC_MEMENR_AXISRAM2EN (1u << 8)
#define RCC_AHB2ENR REGISTER(RCC_BASE + 0x254u)
#define RCC_AHB2ENR_RAMCFGEN (1u << 12)
#define RCC_AHB4ENR REGISTER(RCC_BASE + 0x25Cu)
#define RCC_AHB4ENR_GPIOEEN (1u << 4)
#define RCC_AHB4ENR_PWREN (1u << 18)
#define RCC_APB2ENR REGISTER(RCC_BASE + 0x26Cu)
#define RCC_APB2ENR_USART1EN (1u << 4)

#define RCC_APB4ENR1 REGISTER(RCC_BASE + 0x274u)
#define RCC_APB4ENR1_RTCAPBEN (1u << 17)

/* Power: whether the backup domain may be written */
#define PWR_BASE 0x56024800u
#define PWR_DBPCR REGISTER(PWR_BASE + 0x02Cu)
#define PWR_DBPCR_DBP (1u << 0)

/* Tamper: its backup registers keep their content through every reset but that of the power */
#define TAMP_BASE 0x56004400u
#define TAMP_BKP0R REGISTER(TAMP_BASE + 0x100u)

/* Independent watchdog, counted down by the LSI of 32 kHz; nothing but a reset stops it */
#define IWDG_BASE 0x56004800u
#define IWDG_KR REGISTER(IWDG_BASE + 0x00u)
#define IWDG_KR_FEED 0xAAAAu
#define IWDG_KR_UNLOCK 0x5555u
#define IWDG_KR_START 0xCCCCu
#define IWDG_PR REGISTER(IWDG_BASE + 0x04u) /* divides by 4 << value */
#define IWDG_RLR REGISTER(IWDG_BASE + 0x08u)
#define IWDG_RLR_MAX 0xFFFu
#define IWDG_SR REGISTER(IWDG_BASE + 0x0Cu)
#define IWDG_SR_UPDATING 0x3u /* prescaler or reload value on their way */

/* RAM configuration */
#define RAMCFG_BASE 0x52023000u
#define RAMCFG_AXISRAM2CR REGISTER(RAMCFG_BASE + 0x080u)
#define RAMCFG_CR_SRAMSD (1u << 20) /* shut down */

/* General-purpose I/O, port E; fields of two bits a pin, AFRL of four */
#define GPIOE_BASE 0x56021000u
#define GPIOE_MODER REGISTER(GPIOE_BASE + 0x00u)
#define GPIOE_OSPEEDR REGISTER(GPIOE_BASE + 0x08u)
#define GPIOE_PUPDR REGISTER(GPIOE_BASE + 0x0Cu)
#define GPIOE_AFRL REGISTER(GPIOE_BASE + 0x20u)

/* USART1 */
#define USART1_BASE 0x52001000u
#define USART1_CR1 REGISTER(USART1_BASE + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_FIFOEN (1u << 29)
#define USART1_BRR REGISTER(USART1_BASE + 0x0Cu) /* kernel clock divided by baud rate */
#define USART1_ISR REGISTER(USART1_BASE + 0x1Cu)
#define USART_ISR_RXFNE (1u << 5) /* a byte has come */
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)
#define USART1_ICR                                                                                 \
    REGISTER(USART1_BASE + 0x20u) /* clears errors: overrun, noise, framing, parity */
#define USART_ICR_ERRORS 0xFu
#define USART1_RDR REGISTER(USART1_BASE + 0x24u)
#define USART1_TDR REGISTER(USART1_BASE + 0x28u)

/* Memory system control of the Cortex-M55 */
#define MEMSYSCTL_MSCR REGISTER(0xE001E000u)
#define MEMSYSCTL_MSCR_DCACTIVE (1u << 12)
#define MEMSYSCTL_MSCR_ICACTIVE (1u << 13)

/* Performance monitoring unit */
#define PMU_BASE 0xE0003000u
#define PMU_CCNTR REGISTER(PMU_BASE + 0x07Cu)
#define PMU_CNTENSET REGISTER(PMU_BASE + 0xC00u)
#define PMU_CNTENSET_C (1u << 31)
#define PMU_CTRL REGISTER(PMU_BASE + 0xE04u)
#define PMU_CTRL_E (1u << 0)
#define PMU_CTRL_C (1u << 2) /* zeroes the cycle counter */

/* System timer: counts CPU cycles, 24 bits */
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_CSR_COUNTFLAG (1u << 16) /* it has wrapped since the last reading */
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)

/* Interrupt controller: one bit an interrupt */
#define NVIC_ICER(word) REGISTER(0xE000E180u + 4u * (word))
#define NVIC_ICPR(word) REGISTER(0xE000E280u + 4u * (word))

/* System control block */
#define SCB_ICSR REGISTER(0xE000ED04u)
#define SCB_ICSR_VECTACTIVE 0x1FFu
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_ICSR_PENDSVCLR (1u << 27)
#define SCB_ICSR_PENDNMICLR (1u << 30)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CCR_DC (1u << 16)
#define SCB_CCR_IC (1u << 17)
#define SCB_CCR_BP (1u << 18)
#define SCB_CCR_LOB (1u << 19)
#define SCB_SHCSR REGISTER(0xE000ED24u)
#define SCB_SHCSR_MEMFAULTENA (1u << 16)
#define SCB_SHCSR_BUSFAULTENA (1u << 17)
#define SCB_SHCSR_USGFAULTENA (1u << 18)
#define SCB_SHCSR_SECUREFAULTENA (1u << 19)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_CFSR_MSTKERR (1u << 4)
#define SCB_CFSR_STKERR (1u << 12)
#define SCB_CFSR_STKOF (1u << 20)
#define SCB_HFSR REGISTER(0xE000ED2Cu)
#define SCB_MMFAR REGISTER(0xE000ED34u)
#define SCB_BFAR REGISTER(0xE000ED38u)
#define SCB_CCSIDR REGISTER(0xE000ED80u)
#define SCB_CSSELR REGISTER(0xE000ED84u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define SAU_CTRL REGISTER(0xE000EDD0u)
#define SAU_SFSR REGISTER(0xE000EDE4u)
#define SAU_SFAR REGISTER(0xE000EDE8u)
#define DCB_DEMCR REGISTER(0xE000EDFCu)
#define DCB_DEMCR_TRCENA (1u << 24)
#define SCB_ICIALLU REGISTER(0xE000EF50u)
#define SCB_DCISW REGISTER(0xE000EF60u)

#endif
