from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='MailInvitation',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('appointment_id', fields.BigIntField()),
                ('uid', fields.CharField(max_length=200)),
                ('sealed', fields.TextField(unique=False)),
                ('ends_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'mail_invitations', 'app': 'mail', 'unique_together': (('account_id', 'mode', 'appointment_id'),), 'indexes': [Index(fields=['ends_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
