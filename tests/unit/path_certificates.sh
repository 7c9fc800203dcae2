#!/bin/sh
# Makes the certificates of test_path.c in the folder that is given.
#
#   key NAME [CURVE], rsa NAME BITS           a key; self and sign make one where none is
#   self NAME EXTENSIONS [DAYS]               signs itself
#   sign NAME ISSUER EXTENSIONS [DAYS [ARG ARG]]
#   nc NAME CONSTRAINTS [EXTENSIONS]          NAMEi is an authority with these constraints, under ca
#
# Extensions are lines of openssl's configuration; none at all makes version 1. $SUBJECT is another
# subject than /O=Field/CN=NAME.
set -e
cd "$1"
exec 2>made.log
serial=1
SUBJECT=

key() { openssl ecparam -name "${2:-prime256v1}" -genkey -noout -out "$1.key"; }
rsa() { openssl genrsa -out "$1.key" "$2"; }
# One process makes key and certificate.
certificate() {
    name=$1
    printf '[req]\ndistinguished_name=none\n[none]\n[x]\n' >configuration
    with=
    [ -z "$2" ] || with='-extensions x'
    printf "$2" >>configuration
    days=${3:-100}
    shift 3
    if [ -f "$name.key" ]; then
        from="-new -key $name.key"
    else
        from="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name.key"
    fi
    serial=$((serial + 1))
    openssl req -x509 $from -subj "${SUBJECT:-/O=Field/CN=$name}" -days "$days" \
        -set_serial $serial -config configuration $with "$@" -out "$name.pem"
}
self() { certificate "$1" "$2" "$3"; }
sign() { certificate "$1" "$3" "$4" -CA "$2.pem" -CAkey "$2.key" $5 $6; }
nc() {
    sign "$1i" ca "${CA}nameConstraints=$2\n"
    sign "$1" "$1i" "${3:-$SAN}"
}
CA='basicConstraints=critical,CA:TRUE\n'
SAN='subjectAltName=DNS:localhost,IP:127.0.0.1\n'
self ca "$CA"
self other "$CA"
sign plain ca "$SAN"
sign inter ca "${CA}keyUsage=critical,keyCertSign\n"
sign leaf inter "$SAN"
sign inter2 inter "$CA"
sign deep inter2 "$SAN"

# times
self shortca "$CA" 10
sign fromshort shortca "$SAN" 50
sign shortint ca "$CA" 10
sign belowshort shortint "$SAN" 50
sign brief ca "$SAN" 10

# authorities
self nobasic 'keyUsage=critical,keyCertSign\n'
sign undernobasic nobasic "$SAN"
self v1ca ''
sign underv1 v1ca "$SAN"
self nothing 'subjectKeyIdentifier=hash\n'
sign undernothing nothing "$SAN"
sign v1int ca ''
sign underv1int v1int "$SAN"
sign usageint ca 'keyUsage=critical,keyCertSign\n'
sign underusage usageint "$SAN"
sign falseint ca 'basicConstraints=CA:FALSE\n'
sign underfalse falseint "$SAN"
sign nosign ca "${CA}keyUsage=critical,digitalSignature\n"
sign undernosign nosign "$SAN"
self rootnosign "${CA}keyUsage=critical,cRLSign\n"
sign underrootnosign rootnosign "$SAN"

# path lengths
sign len0 ca 'basicConstraints=critical,CA:TRUE,pathlen:0\n'
sign ok0 len0 "$SAN"
sign below0 len0 "$CA"
sign bad0 below0 "$SAN"
self rootlen0 'basicConstraints=critical,CA:TRUE,pathlen:0\n'
sign rl rootlen0 "$SAN"
sign rlint rootlen0 "$CA"
sign rlbad rlint "$SAN"
self rootlen1 'basicConstraints=critical,CA:TRUE,pathlen:1\n'
sign rl1int rootlen1 "$CA"
sign rl1 rl1int "$SAN"

# purposes and usages
sign ekus ca "${SAN}extendedKeyUsage=critical,serverAuth\n"
sign ekuc ca "${SAN}extendedKeyUsage=clientAuth\n"
sign ekub ca "${SAN}extendedKeyUsage=serverAuth,clientAuth\n"
sign ekumail ca "${SAN}extendedKeyUsage=emailProtection\n"
sign ekuany ca "${SAN}extendedKeyUsage=anyExtendedKeyUsage\n"
sign intc ca "${CA}extendedKeyUsage=clientAuth\n"
sign underintc intc "$SAN"
self rootc "${CA}extendedKeyUsage=clientAuth\n"
sign underrootc rootc "$SAN"
sign kusig ca "${SAN}keyUsage=critical,digitalSignature\n"
sign kucrl ca "${SAN}keyUsage=critical,cRLSign\n"
rsa kuenc 2048
sign kuenc ca "${SAN}keyUsage=critical,keyEncipherment\n"

# extensions
sign unknown ca "${SAN}1.2.3.4=critical,ASN1:NULL\n"
sign unknown2 ca "${SAN}1.2.3.4=ASN1:NULL\n"
sign policyint ca "${CA}certificatePolicies=critical,1.2.3.4\npolicyConstraints=critical,requireExplicitPolicy:0\n"
sign policy policyint "${SAN}certificatePolicies=critical,1.2.3.4\n"
sign staple ca "${SAN}tlsfeature=status_request\n"

# keys and signatures
rsa small 1024
self small "$CA"
sign fromsmall small "$SAN"
rsa smallleaf 1024
sign smallleaf ca "$SAN"
rsa rsaca 2048
self rsaca "$CA"
sign sha1 rsaca "$SAN" 100 -sha1
sign pss rsaca "$SAN" 100 -sigopt rsa_padding_mode:pss
sign fromrsa rsaca "$SAN" 100 -sha512
rsa big 4096
self big "$CA"
sign frombig big "$SAN" 100 -sha384
openssl genpkey -algorithm ed25519 -out edca.key
self edca "$CA"
sign fromed edca "$SAN"
openssl genpkey -algorithm ed25519 -out edleaf.key
sign edleaf ca "$SAN"
key p384 secp384r1
self p384 "$CA"
sign from384 p384 "$SAN" 100 -sha384
key p521 secp521r1
self p521 "$CA"
sign from521 p521 "$SAN" 100 -sha512
key k256 secp256k1
sign k256 ca "$SAN"

# name constraints
self ncroot "${CA}nameConstraints=critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0\n"
sign ncroot1 ncroot "$SAN"
sign ncroot2 ncroot 'subjectAltName=DNS:elsewhere.example\n'
sign ncrooti ncroot "$CA"
sign ncroot3 ncrooti 'subjectAltName=DNS:elsewhere.example\n'
nc both 'critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0'
nc soft 'permitted;DNS:localhost'
nc softno 'permitted;DNS:elsewhere.example'
nc hardno 'critical,permitted;DNS:elsewhere.example'
nc excl 'critical,excluded;DNS:localhost'
nc exclother 'excluded;DNS:elsewhere.example'
nc ipno 'permitted;IP:10.0.0.0/255.0.0.0'
nc ipexcl 'excluded;IP:127.0.0.0/255.255.255.0'
nc ip6 'permitted;IP:::/0:0:0:0:0:0:0:0'
nc sub 'permitted;DNS:plant.example' 'subjectAltName=DNS:hub.plant.example\n'
nc subdot 'permitted;DNS:.plant.example' 'subjectAltName=DNS:hub.plant.example\n'
nc dotself 'permitted;DNS:.plant.example' 'subjectAltName=DNS:plant.example\n'
nc suffix 'permitted;DNS:plant.example' 'subjectAltName=DNS:robotplant.example\n'
nc case 'permitted;DNS:PLANT.example' 'subjectAltName=DNS:Hub.Plant.Example\n'
nc second 'permitted;DNS:plant.example' 'subjectAltName=DNS:hub.plant.example,DNS:elsewhere.example\n'
SUBJECT=/CN=hub.elsewhere.example
nc cnno 'permitted;DNS:plant.example' 'subjectKeyIdentifier=hash\n'
SUBJECT=/CN=hub.plant.example
nc cnyes 'permitted;DNS:plant.example' 'subjectKeyIdentifier=hash\n'
SUBJECT=
nc emailonly 'permitted;email:plant.example'
nc emailno 'permitted;email:plant.example' "subjectAltName=DNS:localhost,email:a@b.example\n"
nc emailyes 'permitted;email:plant.example' "subjectAltName=DNS:localhost,email:a@plant.example\n"
nc urino 'permitted;URI:.plant.example' "subjectAltName=DNS:localhost,URI:https://b.example/x\n"
nc uriyes 'permitted;URI:.plant.example' "subjectAltName=DNS:localhost,URI:https://hub.plant.example:8443/x\n"
nc dn 'permitted;dirName:d\n[d]\nO=field\n' "$SAN"
nc dnno 'permitted;dirName:d\n[d]\nO=Other\n' "$SAN"
nc dnexcl 'excluded;dirName:d\n[d]\nO=Field\nCN=dnexcl\n' "$SAN"
nc rid 'permitted;RID:1.2.3.4' "$SAN"
nc wild 'excluded;DNS:secret.plant.example' 'subjectAltName=DNS:*.plant.example\n'
nc spelled 'permitted;IP:10.0.0.0/255.0.0.0' 'subjectAltName=DNS:127.0.0.1\n'
sign ncmid bothi "$CA"
sign nctwo ncmid "$SAN"
sign nctwono ncmid 'subjectAltName=DNS:elsewhere.example\n'

# names
sign wildcard ca 'subjectAltName=DNS:*.plant.example\n'
sign toplevel ca 'subjectAltName=DNS:*.localhost,DNS:*.example\n'
SUBJECT=/CN=localhost
sign cn ca ''
sign cnip ca 'subjectAltName=IP:10.1.2.3\n'
sign cnsan ca 'subjectAltName=DNS:elsewhere.example\n'
SUBJECT=
SUBJECT=/
sign bare ca 'subjectAltName=critical,DNS:localhost\n'
SUBJECT=

# x1 is a root, x1cross the same key from an older root
self x1 "$CA"
self oldroot "$CA"
sign r3 x1 "$CA"
sign le r3 "$SAN"
cp x1.key x1cross.key
SUBJECT=/O=Field/CN=x1
sign x1cross oldroot "$CA"
cp x1.key x1old.key
sign x1old oldroot "$CA" 10
SUBJECT=

# a root gives itself a new key: such a certificate neither counts nor is held to constraints
IDS='subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
SUBJECT=/O=Field/CN=roll
self roll "subjectKeyIdentifier=hash\nbasicConstraints=critical,CA:TRUE,pathlen:0\nnameConstraints=permitted;dirName:d\n[d]\nO=Other\n"
sign rolled roll "$CA$IDS"
SUBJECT=/O=Other/CN=leaf
sign underrolled rolled "$SAN$IDS"
SUBJECT=
sign outside rolled "$SAN$IDS"

# another one's name, and the same name in other letters
SUBJECT=/O=Field/CN=inter
self impostor "$CA"
SUBJECT='/O=FIELD /CN=inter'
cp inter.key loud.key
sign loud ca "$CA"
SUBJECT=

# end entities on their own
self own "basicConstraints=CA:FALSE\n$SAN"
self own2 "$SAN"
sign dev ca 'extendedKeyUsage=clientAuth\n'
sign devserver ca 'extendedKeyUsage=serverAuth\n'
