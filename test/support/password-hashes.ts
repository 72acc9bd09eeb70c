/** Passwords and their hashes, as `doveadm pw -s SCHEME -r ROUNDS -p PASSWORD` of Dovecot 2.3 wrote them. */
export const passwordHashes: readonly (readonly [password: string, hash: string])[] = [
  ['correct horse', '{BLF-CRYPT}$2y$04$RjshR5s6VT2oRPdaIl5ZEuhHPz3Td4FupEgBqPzoZ8L29Mxk/jtly'],
  [
    'correct horse',
    '{SHA512-CRYPT}$6$FmIapFSdQ9FdIcwh$x4Kp4aqkg7NqUALP38ND7ncDqGgf9KYC6Ex6nD3AkuOEgaLc82PJVXge1sir0hGkTbeujOq1citsUpIcZ4pTg/',
  ],
  [
    'correct horse',
    '{SHA512-CRYPT}$6$rounds=1234$mFWiOutb5Ko636fe$M6SG6JjxnnAJRzDpzOGK3qBPEOxFZ96XKh/ZM4/Sy0ZJLb56yAWLrOBmrLrjg/Indu6veO5T.MB7nRoa1oJKf1',
  ],
  ['correct horse', '{PBKDF2}$1$4nTsjXxSwaPCAP.j$5000$580dac50e02b0791149e7affd6ae973b30775b9a'],
  [
    'correct horse',
    '{SSHA512}BoZwo1FYTMWpcStXXIDgxLT405sXlyC1RVO52iel+In2YkTj1CbnaMkdCjslS3z5OhJDLhsVpTDz/bYFO6icyATTQQY=',
  ],
  ['Grüße, Wörld ☃', '{BLF-CRYPT}$2y$04$2CBNwSFSEhg7/QWN3mIUfODT0eoPP3Em/0pQm1eM72azM9jRumQGm'],
  [
    'Grüße, Wörld ☃',
    '{SHA512-CRYPT}$6$W1a1PcvsoYB/lyFJ$exWhKqX3Moj7rHQSsbS13j77zVqsDFXgs/RVq7mcnhmB/akoUknzON45BnEF.uuv0PUGF.0huoh3FRbpp6TnU.',
  ],
  [
    'Grüße, Wörld ☃',
    '{SHA512-CRYPT}$6$rounds=1234$agOCj5SydGD2w5By$qqU3VfJ8hLGWN98Je9j4jYNeVzLO8ckTeO0aXyJox6DvdqQdTXjuPCj9g7JCQ.VfPk/Zdnd/2epJIk2i9OYXd.',
  ],
  ['Grüße, Wörld ☃', '{PBKDF2}$1$CvffSfkgnYZD5vCy$5000$fa1e3430691747c13d0a43d8324af8a6cf9a8135'],
  [
    'Grüße, Wörld ☃',
    '{SSHA512}5cJUlppJP0R/eleFkZmuZ/gKSYaL0sTAYfzNFqrKx4RtkZC6fh9/2bx3ZFl8p9N59QkekOrl9Ru3Px2JTsZ36zwM7uM=',
  ],
  ['x'.repeat(80), '{BLF-CRYPT}$2y$04$BimaOVFZGSD7XJMGC44GAuxlTkpZ.S9bsqZ53qh8VoAjQ7M3WsQF2'],
  [
    'x'.repeat(80),
    '{SHA512-CRYPT}$6$QD2XO5rjBbMI.U3Z$ZV/NmSgmnHUFHb2ygNPNGt6W50gZNv.K3VqMbaAS0XxIX/mW.2snFnEYHOYFQzRjbEZgY77fIchfEdrVeck84.',
  ],
  [
    'x'.repeat(80),
    '{SHA512-CRYPT}$6$rounds=1234$/gH2CQbiSIzwasbI$rvoJS2kasrtDFYMpHAnjjpnoYmKWUZTKUWKTNiQIRSby8i0mWSQ4GIjljDo.deU7P/bLtmHWHTcMkzZolIgBj.',
  ],
  ['x'.repeat(80), '{PBKDF2}$1$9UN53.0HpdQrsXDg$5000$79fd83b6a5c62e4553fcc306492d095ff80d4099'],
  [
    'x'.repeat(80),
    '{SSHA512}qFG0aeDzhkW6VIreSguZa69d6jbCeWbzE97OiMtecR7EbDpnvhfOb4AVUmUIOTz1GnH0qFcz/T7yM60rRssaGQx0stw=',
  ],
  ['é'.repeat(40), '{BLF-CRYPT}$2y$04$QuRpseGLlMRIExQEdp.Dk.IMSDTVmjBhGvWJ.drHZ2Qz3JIYfbKu6'],
  [
    'é'.repeat(40),
    '{SHA512-CRYPT}$6$wvL.2CqfLkSvfxYA$Av.XlrYU0l20YnIFMcJgfsHqab2egK.yYC95bzamcHe/dfNz1XqUMhurjYWkwqFpH6nMbWOr0aIpxql3t2GUM/',
  ],
  [
    'é'.repeat(40),
    '{SHA512-CRYPT}$6$rounds=1234$sIH7ho7FFxmBRvwc$03ilMV3kf/SDaawfKK86FU.JWev/JqYLw2f0y/AJksKg6a/3x7tsY1AmdSo8O.5k02lAAde9w/OcOaVGQqjfh0',
  ],
  ['é'.repeat(40), '{PBKDF2}$1$1IDSo.FDbEi2N3uS$5000$3f166a840db18b034613695a0784f01a9e140c42'],
  [
    'é'.repeat(40),
    '{SSHA512}Nr2ojoNUzOJVlWZWdUMw63jJnSdFghYr9QS11sRXTXQNY37tfGApcU5GJEfgEoZDgBbuPqouhG/2Auu8zZn8doqwCCM=',
  ],
  [
    'Grüße, Wörld ☃',
    '{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$E32nEb+cFODuTjnN/gUUyw$TKV3n+ATlIni3RtR+/+jq7+CnwOLTn1MPmAmyP3hvOg',
  ],
]
