"""Short texts for calls, signatures and contracts, in four languages.

Each is written for its language rather than translated word for word.  In braces: what
`make_texts` fills in.
"""

from __future__ import annotations

from sottovoce.core.policy import Use

__all__ = ["NO_ADVICE", "TEXTS", "TITLES", "USE_WORDS"]

USE_WORDS = {
    "en": {
        Use.TRAIN_GENERATIVE: "training generative models",
        Use.TRAIN_OTHER: "training any other model",
        Use.CLONE: "cloning or imitating the voice",
        Use.BIOMETRIC: "voiceprints and speaker recognition",
        Use.INPUT: "giving the recording to a model as input",
        Use.MINE: "text and data mining",
        Use.TRANSFER: "passing the recording on to third parties",
    },
    "de": {
        Use.TRAIN_GENERATIVE: "das Trainieren generativer Modelle",
        Use.TRAIN_OTHER: "das Trainieren anderer Modelle",
        Use.CLONE: "das Klonen oder Nachahmen der Stimme",
        Use.BIOMETRIC: "Stimmprofile und Sprechererkennung",
        Use.INPUT: "die Eingabe der Aufnahme in ein Modell",
        Use.MINE: "Text- und Data-Mining",
        Use.TRANSFER: "die Weitergabe der Aufnahme an Dritte",
    },
    "fr": {
        Use.TRAIN_GENERATIVE: "l'entraînement de modèles génératifs",
        Use.TRAIN_OTHER: "l'entraînement de tout autre modèle",
        Use.CLONE: "le clonage ou l'imitation de la voix",
        Use.BIOMETRIC: "les empreintes vocales et la reconnaissance du locuteur",
        Use.INPUT: "l'utilisation de l'enregistrement comme entrée d'un modèle",
        Use.MINE: "la fouille de textes et de données",
        Use.TRANSFER: "la transmission de l'enregistrement à des tiers",
    },
    "es": {
        Use.TRAIN_GENERATIVE: "el entrenamiento de modelos generativos",
        Use.TRAIN_OTHER: "el entrenamiento de cualquier otro modelo",
        Use.CLONE: "la clonación o imitación de la voz",
        Use.BIOMETRIC: "las huellas de voz y el reconocimiento de hablantes",
        Use.INPUT: "el uso de la grabación como entrada de un modelo",
        Use.MINE: "la minería de textos y datos",
        Use.TRANSFER: "la cesión de la grabación a terceros",
    },
}

TITLES = {
    "en": {
        "chat": "For the chat of a call",
        "display name": "For your name in a call",
        "e-mail": "For an e-mail signature",
        "rider": "For a contract",
    },
    "de": {
        "chat": "Für den Chat eines Gesprächs",
        "display name": "Für den Anzeigenamen",
        "e-mail": "Für die E-Mail-Signatur",
        "rider": "Für einen Vertrag",
    },
    "fr": {
        "chat": "Pour la messagerie d'un appel",
        "display name": "Pour votre nom affiché",
        "e-mail": "Pour une signature de courriel",
        "rider": "Pour un contrat",
    },
    "es": {
        "chat": "Para el chat de una llamada",
        "display name": "Para el nombre visible",
        "e-mail": "Para la firma de un correo",
        "rider": "Para un contrato",
    },
}

NO_ADVICE = {
    "en": "A template, not legal advice.",
    "de": "Muster, keine Rechtsberatung.",
    "fr": "Modèle fourni à titre indicatif ; ne constitue pas un avis juridique.",
    "es": "Modelo orientativo; no constituye asesoramiento jurídico.",
}

TEXTS = {
    "en": {
        "chat": "Please note: my voice in this call carries an inaudible do-not-train mark"
        " (owner id {owner}). I do not consent to: {uses}.",
        "display name": "{name} (no AI training)",
        "e-mail": "Recordings of my voice carry an inaudible do-not-train mark (owner id {owner})."
        " Refused: {uses}.",
        "rider": """\
Rider: use of the voice by machines

between {name} (the Speaker; owner id {owner}, key {key})
and ______________________ (the Licensee; key ______________________)

1. Consent. Unless the Speaker has consented in writing, the Licensee shall not use the recordings,
or allow anyone else to use them, for: {uses}.
2. Permitted uses. The Speaker consents to the following uses only: ______________________.
All other uses remain refused.
3. Time limit. The consent is valid from ____________ to ____________, for no longer than ten
years. The Licensee shall end these uses on the last day.
4. Payment. The permitted uses are paid for under ______________________ (reference).
5. No transfer. The consent is not transferable, and the Licensee shall not sublicense it.
6. Mark and grant. The Licensee shall not remove or weaken the mark. The signed grant with serial
______________________ is part of this agreement.""",
    },
    "de": {
        "chat": "Hinweis: Meine Stimme trägt in diesem Gespräch eine unhörbare Markierung „Nicht"
        " zum Trainieren“ (Inhaberkennung {owner}). Ich verweigere: {uses}.",
        "display name": "{name} (kein KI-Training)",
        "e-mail": "Aufnahmen meiner Stimme tragen eine unhörbare Markierung „Nicht zum Trainieren“"
        " (Inhaberkennung {owner}). Ich verweigere: {uses}.",
        "rider": """\
Zusatzvereinbarung: Nutzung der Stimme durch Maschinen

zwischen {name} (Sprecher/in; Inhaberkennung {owner}, Schlüssel {key})
und ______________________ (Lizenznehmer; Schlüssel ______________________)

1. Einwilligung. Ohne schriftliche Einwilligung der Sprecherin oder des Sprechers nutzt der
Lizenznehmer die Aufnahmen nicht für folgende Zwecke und gestattet dies auch keinem Dritten: {uses}.
2. Erlaubte Nutzungen. Erlaubt sind ausschließlich: ______________________. Alle anderen Nutzungen
bleiben untersagt.
3. Befristung. Die Einwilligung gilt vom ____________ bis zum ____________, höchstens zehn Jahre.
Mit Ablauf des letzten Tages stellt der Lizenznehmer diese Nutzungen ein.
4. Vergütung. Die erlaubten Nutzungen werden vergütet nach ______________________ (Bezug).
5. Keine Übertragung. Die Einwilligung ist nicht übertragbar; Unterlizenzen sind ausgeschlossen.
6. Markierung und Freigabe. Der Lizenznehmer entfernt oder schwächt die Markierung nicht. Die
signierte Freigabe mit der Nummer ______________________ ist Bestandteil dieser Vereinbarung.""",
    },
    "fr": {
        "chat": "À noter : dans cet appel, ma voix porte une marque inaudible « ne pas utiliser"
        " pour l'entraînement » (identifiant {owner}). Je refuse : {uses}.",
        "display name": "{name} (pas d'entraînement d'IA)",
        "e-mail": "Les enregistrements de ma voix portent une marque inaudible « ne pas utiliser"
        " pour l'entraînement » (identifiant {owner}). Je refuse : {uses}.",
        "rider": """\
Avenant : utilisation de la voix par des machines

entre {name} (l'interprète ; identifiant {owner}, clé {key})
et ______________________ (le licencié ; clé ______________________)

1. Consentement. Sauf consentement écrit de l'interprète, le licencié s'interdit d'utiliser les
enregistrements, et de laisser quiconque les utiliser, pour : {uses}.
2. Usages autorisés. L'interprète consent aux seuls usages suivants : ______________________.
Tous les autres usages demeurent refusés.
3. Durée. Le consentement est valable du ____________ au ____________, pour dix ans au plus.
Le licencié met fin à ces usages au plus tard le dernier jour.
4. Rémunération. Les usages autorisés sont rémunérés selon ______________________ (référence).
5. Incessibilité. Le consentement n'est pas cessible et n'ouvre aucun droit de sous-licence.
6. Marque et autorisation. Le licencié s'interdit de retirer ou d'affaiblir la marque.
L'autorisation signée portant le numéro ______________________ fait partie du présent accord.""",
    },
    "es": {
        "chat": "Aviso: en esta llamada mi voz lleva una marca inaudible «no usar para entrenar»"
        " (identificador {owner}). Rechazo: {uses}.",
        "display name": "{name} (sin entrenamiento de IA)",
        "e-mail": "Las grabaciones de mi voz llevan una marca inaudible «no usar para entrenar»"
        " (identificador {owner}). Rechazo: {uses}.",
        "rider": """\
Anexo: uso de la voz por máquinas

entre {name} (el intérprete; identificador {owner}, clave {key})
y ______________________ (el licenciatario; clave ______________________)

1. Consentimiento. Salvo consentimiento escrito del intérprete, el licenciatario no usará las
grabaciones, ni permitirá que nadie las use, para: {uses}.
2. Usos permitidos. El intérprete consiente únicamente los usos siguientes: ______________________.
Todos los demás usos siguen rechazados.
3. Plazo. El consentimiento rige desde el ____________ hasta el ____________, por un máximo de diez
años. El licenciatario pondrá fin a estos usos el último día.
4. Remuneración. Los usos permitidos se remuneran según ______________________ (referencia).
5. Intransferibilidad. El consentimiento no es transferible ni permite sublicencias.
6. Marca y autorización. El licenciatario no eliminará ni debilitará la marca. La autorización
firmada con el número ______________________ forma parte de este acuerdo.""",
    },
}
