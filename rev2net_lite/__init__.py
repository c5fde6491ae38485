"""Learn, teach and explore Rev2Net: video representations from two reversed streams (Yao et al., ICME 2020).

The modules follow the signal and import one way, up this list:
`shapes`, `flow`, `tvl1`, `video`, `synthetic`, `datasets`, `networks`, `models`, `losses`, `evaluation`, `training`,
`runs`, `plots`, `cli`.
"""
