# Makes $TRUST_STORE: the certificates that Java trusts by itself, and those in the file $OWN.
set -eu
cp "${JAVA_HOME:?}/lib/security/cacerts" "$TRUST_STORE"
chmod u+w "$TRUST_STORE"
# keytool takes one certificate of a file.
awk '/BEGIN CERTIFICATE/ { number++ } { print > ("/tmp/own-" number ".pem") }' "$OWN"
for certificate in /tmp/own-*.pem; do
    keytool -importcert -noprompt -keystore "$TRUST_STORE" -storepass changeit \
        -alias "$(basename "$certificate" .pem)" -file "$certificate"
done
