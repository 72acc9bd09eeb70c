/**
 * Who answers for the package: whoever builds and publishes it, by Debian's own variables (debchange(1)).
 */
const { DEBFULLNAME, DEBEMAIL } = process.env

export const maintainer = `${DEBFULLNAME || 'bearerd maintainers'} <${DEBEMAIL || 'bearerd@localhost'}>`
